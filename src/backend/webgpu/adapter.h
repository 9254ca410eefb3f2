// What WebGPU says of an adapter and of a device made of it, and what we make of that.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "backend/webgpu/gpu.h"

namespace ipfs_accelerate::webgpu {

/// By the names of the specification (GPUAdapterInfo, GPUSupportedLimits, GPUFeatureName), as they come.
struct AdapterFacts {
  std::string vendor, architecture, device, description;
  bool is_fallback = false;  ///< isFallbackAdapter; natively what is no GPU by its type
  std::vector<std::string> features;
  std::map<std::string, std::int64_t> limits;
  std::int32_t subgroup_min_size = 0, subgroup_max_size = 0;  ///< 0: not said
};

/// What a host asks a device for: every limit as large as the adapter has it, and those of the features that it has.
inline constexpr std::string_view kWantedLimits[] = {
    "maxBufferSize",
    "maxStorageBufferBindingSize",
    "maxStorageBuffersPerShaderStage",
    "maxComputeWorkgroupStorageSize",
    "maxComputeInvocationsPerWorkgroup",
    "maxComputeWorkgroupSizeX",
    "maxComputeWorkgroupSizeY",
    "maxComputeWorkgroupSizeZ",
    "maxComputeWorkgroupsPerDimension",
};
inline constexpr std::string_view kWantedFeatures[] = {"shader-f16", "subgroups"};

/// Whether one of these texts is the name of an adapter that computes on the CPU (SwiftShader, llvmpipe, WARP).
bool names_software(std::string_view texts);

/// The adapter, with a name also where the browser gives none.
DeviceInfo describe(const AdapterFacts& adapter);

/// Of an open device with these features and limits; what is not said keeps the specification's guaranteed value.
Capabilities capabilities_of(const AdapterFacts& device);

}  // namespace ipfs_accelerate::webgpu
