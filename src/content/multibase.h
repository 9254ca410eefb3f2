// Multibase text: a base's letter, then the bytes in that base. https://github.com/multiformats/multibase
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace ipfs_accelerate::content {

/// The bases that CIDs are written in; the value is the multibase letter. Reading also takes the upper-case letters
/// of the bases without case.
enum class Base : char { kBase16 = 'f', kBase32 = 'b', kBase36 = 'k', kBase58Btc = 'z', kBase64Url = 'u' };

inline constexpr std::size_t kMaxMultibaseText = 512;  ///< letters; base58 and base36 cost the square of the length

/// With the base's letter in front.
std::string encode_multibase(Base base, ByteView bytes);
/// kInvalidCid: unknown letter, character outside the base, bits left over, longer than kMaxMultibaseText.
Result<Bytes> decode_multibase(std::string_view text);

/// Without the letter, as CIDv0 is written.
std::string encode_base58(ByteView bytes);
Result<Bytes> decode_base58(std::string_view text);

}  // namespace ipfs_accelerate::content
