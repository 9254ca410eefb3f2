// murmur3-x64-64: the hash that places names in HAMT folders. Not for security.
#pragma once

#include "base/bytes.h"

namespace ipfs_accelerate::content {

/// The first 64 bits of MurmurHash3_x64_128, seed 0.
std::uint64_t murmur3_x64_64(ByteView bytes);

}  // namespace ipfs_accelerate::content
