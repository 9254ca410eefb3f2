// A recording: everything an executor needs to run a graph on WebGPU, as plain data.
// Made by record(); replayed by Dawn natively and by web/sdk in the page (docs/recording.md has the JSON form).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "backend/backend.h"

namespace ipfs_accelerate::webgpu {

/// What of the adapter decides which kernels are chosen.
struct Capabilities {
  bool shader_f16 = false;
  bool subgroups = false;
  std::int32_t subgroup_min_size = 0, subgroup_max_size = 0;
  std::int32_t subgroup_matrix = 0;  ///< side of square f16 x f16 -> f32 subgroup matrices (16 or 8), 0 = none
  std::int64_t max_storage_binding = 134217728, max_buffer = 268435456;
  std::int32_t max_workgroup_storage = 16384, max_workgroup_invocations = 256;
  std::int64_t max_workgroups_per_dimension = 65535;
  std::map<std::string, std::int64_t> tuning;  ///< kernel choices measured to be better here than the built-in ones
  DeviceInfo device{};                         ///< whose they are: some need a workaround (quirks.h)
};

/// kWeight: filled once per program. kActivation: scratch between dispatches. kInput: written before a run.
/// kOutput: copied out after a run, when asked for. kState: pages of a state, kept
/// from run to run. kUniform and kConstant (storage): content known now, in `data`.
enum class BufferKind : std::uint8_t { kWeight, kActivation, kInput, kOutput, kUniform, kConstant, kState };
/// What a shader does with a binding; names as in WebGPU's GPUBufferBindingType.
enum class BindingType : std::uint8_t { kReadOnlyStorage, kStorage, kUniform };

/// Whether such buffers live longer than a plan.
constexpr bool is_kept(BufferKind kind) { return kind == BufferKind::kWeight || kind == BufferKind::kState; }

/// Of buffers' dtypes: "f32", "f16", "i32".
std::string_view wgsl_name(Dtype dtype);

struct BufferSpec {
  BufferKind kind = BufferKind::kActivation;
  std::int64_t bytes = 0;  ///< multiple of 16
  std::int32_t index =
      -1;  ///< kWeight: WeightId; kState: StateId; kInput / kOutput: position in Graph::inputs / outputs
  Dtype dtype = Dtype::kF32;  ///< in which elements lie in the buffer: kF32, kF16 or kI32; weights are packed to it
  std::int64_t elements = 0;  ///< kWeight, kState, kInput, kOutput: how many; the rest of `bytes` is padding
  Bytes data = {};            ///< kUniform, kConstant: content
};
struct PipelineSpec {
  std::string label;
  std::string wgsl;                        ///< complete shader text; entry point "main"
  std::vector<BindingType> binding_types;  ///< group 0, binding 0, 1, 2 ...
};
struct BindingSpec {
  std::int32_t buffer = -1;
  std::int64_t offset = 0, bytes = 0;
};
struct DispatchSpec {
  std::int32_t pipeline = -1;
  std::vector<BindingSpec> bindings;  ///< group 0, in binding order
  std::array<std::uint32_t, 3> workgroups{1, 1, 1};
  std::string label;  ///< the node it computes
};
struct Recording {
  std::vector<BufferSpec> buffers;
  std::vector<PipelineSpec> pipelines;
  std::vector<DispatchSpec> dispatches;  ///< in order; each sees what the ones before it wrote
  std::vector<std::string> optimizations;
  std::int64_t readback_bytes = 0;    ///< of the buffer through which outputs are read, all at once
  std::int64_t activation_bytes = 0;  ///< every buffer but weights and states, that one too
};

/// Why a node cannot run with these capabilities; empty when it can.
std::string declines(const Graph& graph, const Node& node, const Capabilities& capabilities,
                     const LoadOptions& options);
/// Pure: no device is touched. Fails where declines() would, or when a buffer is beyond the limits.
Result<Recording> record(const Graph& graph, const ShapeClass& shape, const Capabilities& capabilities,
                         const LoadOptions& options);
/// The JSON form of docs/recording.md.
std::string to_json(const Recording& recording);

}  // namespace ipfs_accelerate::webgpu
