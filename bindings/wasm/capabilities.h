// The page's adapter as the recorder wants to know it.
#pragma once

#include "abi.h"
#include "backend/webgpu/recording.h"

namespace ipfs_accelerate::wasm {

/// Fields as in webgpu::Capabilities; absent ones keep the specification's guaranteed values.
webgpu::Capabilities read_capabilities(const Json& json);

}  // namespace ipfs_accelerate::wasm
