// How much memory this process occupies, as the operating system counts it.
#pragma once

#include <cstdint>

namespace ipfs_accelerate {

/// Resident bytes of this process; 0 where the system does not say.
std::int64_t resident_bytes();

}  // namespace ipfs_accelerate
