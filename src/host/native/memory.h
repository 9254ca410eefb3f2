// What this machine's memory holds, in bytes.
#pragma once

#include <cstdint>

namespace ipfs_accelerate::host {

/// Resident memory of this process.
std::uint64_t resident_memory();

/// What could be had without swapping; UINT64_MAX where the system does not say. A container's own limit is not seen.
std::uint64_t free_memory();

}  // namespace ipfs_accelerate::host
