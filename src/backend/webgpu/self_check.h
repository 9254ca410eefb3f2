// Start-up self-check: a tiny encoder on the device against the CPU; features that compute wrong numbers are switched
// off.
#pragma once

#include "backend/webgpu/dawn_backend.h"

namespace ipfs_accelerate::webgpu {

/// Worst difference between both backends on a tiny encoder that uses most kernels, at this precision.
Result<double> check_once(Backend& device, Backend& reference, int precision);

/// Runs the check at one precision. Switches features off by name (DeviceInfo::switched_off says why) until the numbers
/// are right; kSelfCheckFailed when they are wrong with no feature left.
Result<> self_check(DawnBackend& backend, Backend& reference, int precision);

}  // namespace ipfs_accelerate::webgpu
