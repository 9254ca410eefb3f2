// The CPU backend: every op, the truth the others are tested against.
#pragma once

#include "backend/backend.h"

namespace ipfs_accelerate::cpu {

/// threads: 0 = all the machine offers (1 in a WASM build without threads). Never fails: every machine has a CPU.
std::unique_ptr<Backend> make_backend(int threads = 0);

}  // namespace ipfs_accelerate::cpu
