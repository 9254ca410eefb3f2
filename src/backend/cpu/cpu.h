// The CPU backend: every op, the truth the others are tested against.
#pragma once

#include "backend/backend.h"
#include "base/compute.h"

namespace ipfs_accelerate::cpu {

/// threads: 0 = all `compute` offers. `compute` must live as long as the backend and what it made. Never fails: every
/// machine has a CPU.
std::unique_ptr<Backend> make_backend(Compute& compute, int threads = 0);

}  // namespace ipfs_accelerate::cpu
