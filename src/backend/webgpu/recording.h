// A recording: everything an executor needs to run a graph on WebGPU, as plain data.
// Made by record(); replayed by the Dawn executor natively and by web/sdk in the page (docs/recording.md has the JSON
// form).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "backend/backend.h"

namespace ipfs_accelerate::webgpu {

/// What of the adapter decides which kernels are chosen.
struct Capabilities {
  bool shader_f16 = false;
  bool subgroups = false;
  std::int32_t subgroup_min_size = 0, subgroup_max_size = 0;
  bool subgroup_matrix_f16 = false;  ///< 16x16x16 f16 (x f16 -> f32 or f16), experimental feature enabled on the device
  std::int32_t subgroup_matrix_m = 0, subgroup_matrix_n = 0, subgroup_matrix_k = 0;
  bool subgroup_matrix_f32_accumulate = false;
  std::int64_t max_storage_binding = 134217728, max_buffer = 268435456;
  std::int32_t max_workgroup_storage = 16384, max_workgroup_invocations = 256;
  std::int64_t max_workgroups_per_dimension = 65535;
};

enum class BufferKind : std::uint8_t { kWeight, kActivation, kInput, kOutput, kUniform };
/// How stored weight bytes become the buffer's content; executors or upload code apply it.
enum class WeightLayout : std::uint8_t { kF32, kF16, kI32 };

struct BufferSpec {
  BufferKind kind;
  std::int64_t bytes;       ///< multiple of 4
  std::int32_t index = -1;  ///< kWeight: WeightId; kInput / kOutput: position in Graph::inputs / outputs
  WeightLayout layout = WeightLayout::kF32;  ///< kWeight, and the element type of kOutput
  bool transpose = false;                    ///< kWeight: store [k, n] instead of [n, k]
  Bytes data;                                ///< kUniform: its content
};
struct PipelineSpec {
  std::string label;
  std::string wgsl;  ///< complete shader text
  std::string entry = "main";
  std::vector<std::pair<std::string, double>> constants;  ///< override constants
  std::vector<std::uint8_t> binding_types;  ///< per binding: 0 read-only storage, 1 read-write storage, 2 uniform
};
struct BindingSpec {
  std::int32_t buffer;
  std::int64_t offset, bytes;
};
struct DispatchSpec {
  std::int32_t pipeline;
  std::vector<BindingSpec> bindings;  ///< group 0, in binding order
  std::array<std::uint32_t, 3> workgroups;
  std::string label;
};
struct Recording {
  std::vector<BufferSpec> buffers;
  std::vector<PipelineSpec> pipelines;
  std::vector<DispatchSpec> dispatches;
  std::vector<std::string> optimizations;
  std::int64_t activation_bytes = 0;
};

/// Why a node cannot run with these capabilities; empty when it can.
std::string declines(const Graph& graph, const Node& node, const Capabilities& capabilities,
                     const LoadOptions& options);
/// Pure: no device is touched. Fails where declines() would, or when a buffer is beyond the limits.
Result<Recording> record(const Graph& graph, const ShapeClass& shape, const Capabilities& capabilities,
                         const LoadOptions& options);
/// Bytes of a weight buffer from its stored parts, as BufferSpec says. kUnsupportedDtype for integer tensors.
Result<Bytes> pack_weight(const BufferSpec& buffer, const Weight& weight, std::span<const WeightPart> parts);

}  // namespace ipfs_accelerate::webgpu
