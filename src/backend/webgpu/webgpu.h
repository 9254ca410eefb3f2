// The WebGPU backend: graphs recorded as plain data, carried out by whatever stands behind the port Gpu.
#pragma once

#include "backend/backend.h"
#include "backend/webgpu/gpu.h"
#include "base/compute.h"

namespace ipfs_accelerate::webgpu {

/// Opens the best adapter, runs the self-check against `reference` (the CPU backend) and switches off what fails. On a
/// software adapter the f16 part waits for the first load at precision 16. Weights are packed through `compute` where
/// it is given. All three must live as long as the backend and what it made. kNoAdapter, kSelfCheckFailed, kCancelled.
Async<std::unique_ptr<Backend>> make_backend(Gpu& gpu, Backend& reference, Compute* compute, Stop stop);

}  // namespace ipfs_accelerate::webgpu
