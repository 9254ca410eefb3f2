// Unsigned varints. https://github.com/multiformats/unsigned-varint
#pragma once

#include "base/bytes.h"
#include "base/result.h"

namespace ipfs_accelerate::content {

void put_varint(Bytes& out, std::uint64_t value);
/// Reads a varint at the start of `bytes`; `used` gets its length. kMalformedBlock when it is cut off, longer than
/// 64 bits, or not the shortest form.
Result<std::uint64_t> read_varint(ByteView bytes, std::size_t& used);

}  // namespace ipfs_accelerate::content
