// record(): walks a graph once and writes down every buffer, pipeline and dispatch.
#include <algorithm>
#include <bit>
#include <cstring>
#include <format>

#include "backend/webgpu/ops.h"
#include "graph/memory.h"
#include "tensor/format.h"

namespace ipfs_accelerate::webgpu {
namespace {

/// Buffers are never empty and hold whole vec4s.
std::int64_t padded(std::int64_t bytes) { return std::max<std::int64_t>((bytes + 15) / 16 * 16, 16); }
std::int64_t padded_bytes(Dtype dtype, std::int64_t elements) { return padded(byte_count(dtype, elements)); }

std::int64_t product(const Shape& shape) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return count;
}

/// The largest buffer a node binds besides weights is checked when recording; weights are known before any shape.
std::string too_large(const Graph& graph, WeightId id, Dtype dtype, const Capabilities& capabilities) {
  const Weight& weight = graph.weight(id);
  const std::int64_t bytes = padded_bytes(dtype, product(weight.shape));
  if (bytes <= std::min(capabilities.max_storage_binding, capabilities.max_buffer)) return {};
  return std::format("weight {} takes {} bytes, the device binds at most {}", weight.name, bytes,
                     std::min(capabilities.max_storage_binding, capabilities.max_buffer));
}

}  // namespace

std::string declines(const Graph& graph, const Node& node, const Capabilities& capabilities,
                     const LoadOptions& options) {
  const bool half = options.precision == 16 && capabilities.shader_f16;
  for (const WeightId id : weights_of(node.op)) {
    const bool matrix = graph.weight(id).shape.size() > 1;
    if (std::string why = too_large(graph, id, half && matrix ? Dtype::kF16 : Dtype::kF32, capabilities); !why.empty())
      return why;
  }
  return std::visit([](const auto& op) { return declines(op); }, node.op);
}

Recorder::Recorder(const Graph& graph, const ShapeClass& shape, const Capabilities& capabilities,
                   const LoadOptions& options)
    : graph_(graph), shape_(shape), capabilities_(capabilities), options_(options) {
  half_ = options.precision == 16 && capabilities.shader_f16;
}

Result<Recording> Recorder::run() {
  IA_TRY(prepare());
  for (const Node& node : graph_.nodes) {
    if (const std::string why = declines(graph_, node, capabilities_, options_); !why.empty()) {
      return fail(ErrorCode::kUnsupportedOp, "WebGPU cannot run {} ({}): {}", node.name, op_name(node.op), why);
    }
    const auto recorded = std::visit([&](const auto& op) { return record(op, node, *this); }, node.op);
    if (!recorded) return while_doing(recorded.error(), "recording {}", node.name);
  }
  IA_TRY(check_limits());
  for (const BufferSpec& buffer : out_.buffers) {
    if (!is_kept(buffer.kind)) out_.activation_bytes += buffer.bytes;
    if (buffer.kind == BufferKind::kOutput) out_.readback_bytes += buffer.bytes;
  }
  out_.readback_bytes = padded(out_.readback_bytes);
  out_.activation_bytes += out_.readback_bytes;
  note("recorded plan");
  if (half_) note("f16 storage");
  if (!half_ && options_.precision == 16) note("f32 in place of f16: the device has no shader-f16");
  return std::move(out_);
}

Result<> Recorder::check_limits() const {
  const std::int64_t most = std::min(capabilities_.max_buffer, capabilities_.max_storage_binding);
  for (const BufferSpec& buffer : out_.buffers) {
    if (buffer.bytes <= most) continue;
    return fail(ErrorCode::kLimitExceeded, "{} needs a buffer of {} bytes, the device allows {}; use a smaller batch",
                shape_.text(), buffer.bytes, most);
  }
  return {};
}

Result<> Recorder::prepare() {
  constexpr std::int64_t kMostRows = 1 << 24;  // row numbers are computed in 32 bits
  IA_TRY(graph_.check(shape_));
  for (std::size_t i = 0; i < graph_.values.size(); ++i) {
    if (rows_of(id_of<ValueId>(i)) <= kMostRows) continue;
    return fail(ErrorCode::kInvalidArgument, "with {} the value '{}' has more than 2^24 rows; use a smaller batch",
                shape_.text(), graph_.values[i].name);
  }
  consumers_.assign(graph_.values.size(), 0);
  buffer_of_.assign(graph_.values.size(), -1);
  for (const Node& node : graph_.nodes) {
    for (const ValueId id : inputs_of(node.op)) ++consumers_[id.index()];
  }
  std::vector<std::uint32_t> numbers;
  for (const std::int64_t number : graph_.numbers(shape_)) numbers.push_back(std::uint32_t(number));
  numbers.resize(std::max<std::size_t>((numbers.size() + 3) / 4 * 4, 4));
  BufferSpec uniform{.kind = BufferKind::kUniform, .bytes = std::int64_t(std::span(numbers).size_bytes())};
  uniform.data.resize(std::size_t(uniform.bytes));
  std::memcpy(uniform.data.data(), numbers.data(), uniform.data.size());
  uniform_ = {-1, uniform.bytes, Dtype::kI32};
  uniform_.buffer = add_buffer(std::move(uniform));
  for (std::size_t i = 0; i < graph_.inputs.size(); ++i) {
    const ValueId id = graph_.inputs[i];
    const std::int64_t elements = product(shape_of(id));
    buffer_of(id) = add_buffer({.kind = BufferKind::kInput,
                                .bytes = padded(byte_count(graph_.value(id).dtype, elements)),
                                .index = std::int32_t(i),
                                .dtype = dtype_of(id),
                                .elements = elements});
  }
  for (std::size_t i = 0; i < graph_.outputs.size(); ++i) {
    const ValueId id = graph_.outputs[i];
    if (buffer_of(id) >= 0)
      return fail(ErrorCode::kUnsupportedOp, "output {} is an input or given twice", graph_.value(id).name);
    const std::int64_t elements = product(shape_of(id));
    const Dtype dtype = dtype_of(id);
    buffer_of(id) = add_buffer({.kind = BufferKind::kOutput,
                                .bytes = padded_bytes(dtype, elements),
                                .index = std::int32_t(i),
                                .dtype = dtype,
                                .elements = elements});
  }
  place_states();
  place_activations();
  return {};
}

/// Every version of a state lies in the same buffer.
void Recorder::place_states() {
  for (const StateId id : used_states(graph_)) {
    const ValueId first = graph_.states[id.index()].first;
    const std::int64_t elements = product(shape_of(first));
    const Dtype dtype = half_ ? Dtype::kF16 : Dtype::kF32;
    const std::int32_t buffer = add_buffer({.kind = BufferKind::kState,
                                            .bytes = padded_bytes(dtype, elements),
                                            .index = id.number,
                                            .dtype = dtype,
                                            .elements = elements});
    for (std::size_t i = 0; i < graph_.values.size(); ++i) {
      if (graph_.values[i].state == id) buffer_of_[i] = buffer;
    }
  }
}

Result<> Recorder::dispatch(const Node& node, const Kernel& kernel, std::array<std::uint32_t, 3> workgroups) {
  for (const std::uint32_t count : workgroups) {
    if (count > capabilities_.max_workgroups_per_dimension) {
      return fail(ErrorCode::kLimitExceeded,
                  "{} workgroups in one dimension, the device allows {}; use a smaller batch", count,
                  capabilities_.max_workgroups_per_dimension);
    }
  }
  IA_ASSIGN(std::string text, kernel.text());
  auto [found, added] = pipelines_.try_emplace(text, std::int32_t(out_.pipelines.size()));
  if (added) out_.pipelines.push_back({kernel.file(), std::move(text), kernel.types()});
  out_.dispatches.push_back({found->second, kernel.bindings(), workgroups, node.name});
  return {};
}

std::array<std::uint32_t, 3> Recorder::row_grid(std::int64_t rows, std::int64_t rows_each) const {
  const std::int64_t groups = (rows + rows_each - 1) / rows_each;
  return {std::uint32_t(std::min<std::int64_t>(groups, kRowsPerLine)),
          std::uint32_t((groups + kRowsPerLine - 1) / kRowsPerLine), 1};
}

std::int64_t Recorder::fixed_subgroup() const {
  const bool fixed = capabilities_.subgroups && capabilities_.subgroup_min_size == capabilities_.subgroup_max_size;
  return fixed ? capabilities_.subgroup_max_size : 0;
}

/// f16 for values with a token dimension; vectors per sequence and results nobody reads on stay f32: they are small.
Dtype Recorder::dtype_of(ValueId id) const {
  const Value& value = graph_.value(id);
  if (value.dtype == Dtype::kI32) return Dtype::kI32;
  if (!half_) return Dtype::kF32;
  if (std::ranges::find(graph_.inputs, id) != graph_.inputs.end()) return Dtype::kF32;
  if (is_output(id) && consumers_[id.index()] == 0) return Dtype::kF32;
  const bool tokens =
      std::ranges::any_of(value.dims, [&](const Dim& d) { return d.symbol && graph_.symbol(d.symbol).counts_tokens; });
  return tokens ? Dtype::kF16 : Dtype::kF32;
}

bool Recorder::is_output(ValueId id) const { return std::ranges::find(graph_.outputs, id) != graph_.outputs.end(); }

std::int64_t Recorder::rows_of(ValueId id) const {
  Shape shape = shape_of(id);
  if (!shape.empty()) shape.pop_back();
  return product(shape);
}

Place Recorder::value(ValueId id) {
  const BufferSpec& buffer = out_.buffers[buffer_of(id)];
  const Dtype dtype = buffer.kind == BufferKind::kActivation ? dtype_of(id) : buffer.dtype;
  return {buffer_of(id), padded_bytes(dtype, product(shape_of(id))), dtype};
}

/// Values that are neither inputs nor outputs share buffers.
void Recorder::place_activations() {
  const auto wanted = computed_bytes(
      graph_, [&](ValueId id) { return buffer_of(id) >= 0 ? -1 : padded_bytes(dtype_of(id), product(shape_of(id))); });
  const MemoryPlan plan = plan_memory(graph_, wanted, Rooms::kBuffers, 1);
  const auto first = std::int32_t(out_.buffers.size());
  for (const std::int64_t bytes : plan.rooms) add_buffer({.kind = BufferKind::kActivation, .bytes = bytes});
  for (std::size_t i = 0; i < plan.spots.size(); ++i) {
    if (plan.spots[i].room >= 0) buffer_of_[i] = first + plan.spots[i].room;
  }
}

Place Recorder::weight(WeightId id, Dtype dtype) {
  const std::int64_t elements = product(graph_.weight(id).shape);
  const std::int64_t bytes = padded_bytes(dtype, elements);
  auto [found, added] = weights_.try_emplace({id, dtype}, -1);
  if (added) {
    found->second = add_buffer(
        {.kind = BufferKind::kWeight, .bytes = bytes, .index = id.number, .dtype = dtype, .elements = elements});
  }
  return {found->second, bytes, dtype};
}

Place Recorder::constant(Bytes data, Dtype dtype) {
  data.resize(padded(std::int64_t(data.size())));
  const auto bytes = std::int64_t(data.size());
  return {add_buffer({.kind = BufferKind::kConstant, .bytes = bytes, .dtype = dtype, .data = std::move(data)}), bytes,
          dtype};
}

std::int32_t Recorder::add_buffer(BufferSpec spec) {
  out_.buffers.push_back(std::move(spec));
  return std::int32_t(out_.buffers.size()) - 1;
}

std::int64_t Recorder::tuned(const std::string& name, std::int64_t otherwise) const {
  const auto found = capabilities_.tuning.find(name);
  return found == capabilities_.tuning.end() ? otherwise : found->second;
}

std::int64_t threads_for(std::int64_t columns) { return columns <= 128 ? 64 : columns <= 512 ? 128 : 256; }

std::int64_t Recorder::set_row(Kernel& kernel, std::int64_t width) const {
  const std::int64_t lanes = width % 4 == 0 ? 4 : 1, columns = width / lanes;
  // A subgroup of its own for each row needs no barrier; long rows take a workgroup.
  const std::int64_t subgroup = fixed_subgroup();
  const bool own = subgroup >= 8 && columns <= subgroup * 8;
  const std::int64_t threads = own ? subgroup : threads_for(columns), rows = own ? 4 : 1;
  kernel.set("VEC4", lanes == 4).set("LANES", lanes).set("COLUMNS", columns).set("THREADS", threads);
  kernel.set("PER_LANE", (columns + threads - 1) / threads).set("GROUP_ROWS", rows).set("SUBGROUP_ROWS", own);
  return rows;
}

void Recorder::note(const std::string& optimization) {
  if (std::ranges::find(out_.optimizations, optimization) == out_.optimizations.end())
    out_.optimizations.push_back(optimization);
}

Kernel Recorder::kernel(std::string file) const {
  Kernel made(std::move(file), graph_);
  made.uniform(uniform_).set("SUBGROUPS", capabilities_.subgroups);
  return made;
}

Result<Recording> record(const Graph& graph, const ShapeClass& shape, const Capabilities& capabilities,
                         const LoadOptions& options) {
  return Recorder(graph, shape, capabilities, options).run();
}

}  // namespace ipfs_accelerate::webgpu
