// The WebGPU backend in two halves: the recorder (pure, also in WASM) and the Dawn executor (native only).
#pragma once

#include "backend/backend.h"
#include "backend/webgpu/recording.h"

namespace ipfs_accelerate::webgpu {

/// Opens adapters through Dawn and lists them; kNoAdapter with the reason when none is usable (the Null backend is
/// refused).
Result<std::vector<DeviceInfo>> list_devices();

/// Opens the best adapter. Runs the self-check against `reference` (the CPU backend, which must live as long) and
/// switches off what fails. On a software adapter the f16 part waits for the first load at precision 16.
Result<std::unique_ptr<Backend>> make_backend(Backend& reference);

}  // namespace ipfs_accelerate::webgpu
