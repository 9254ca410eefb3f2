// Hashing in parts, and the allow-list of digests.
#pragma once

#include <functional>

#include "content/cid.h"

namespace ipfs_accelerate::content {

/// Digest of the parts one after another, without joining them.
Result<Multihash> hash_parts(HashFunction function, std::span<const ByteView> parts);

/// Gives the next part, an empty one at the end. Must not hash anything itself.
using NextPart = std::function<Result<ByteView>()>;
/// sha2-256 of parts that come one after another, so that a large block need not lie in memory at once.
Result<Multihash> sha256_stream(const NextPart& next);

/// kUnsupportedHash for functions outside the allow-list, kInvalidCid for digest lengths nobody should trust:
/// sha2-256 20 to 32 bytes, sha2-512 and blake3 20 to 64, identity at most 128 (IPIP-512).
Result<> check_digest(std::uint64_t function, std::size_t length);

/// Whether `digest` (perhaps truncated) is that of the parts. kIntegrity says both digests.
Result<> check_hash(const Multihash& expected, std::span<const ByteView> parts);
/// The same for a full digest that was made elsewhere.
Result<> check_digest_bytes(const Multihash& expected, ByteView digest);
/// Full digest: 64 bytes for blake3, whose first 32 are the usual ones; the bytes themselves for identity.
Result<Bytes> full_digest(HashFunction function, ByteView bytes);

inline constexpr std::size_t kMaxIdentityBytes = 128;

}  // namespace ipfs_accelerate::content
