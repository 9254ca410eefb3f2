// record(): walks a graph once and writes down every buffer, pipeline and dispatch.
#include <algorithm>
#include <bit>
#include <cstring>
#include <format>

#include "backend/webgpu/recorder.h"

namespace ipfs_accelerate::webgpu {
namespace {

/// Buffers are never empty and hold whole vec4s.
std::int64_t padded(std::int64_t bytes) { return std::max<std::int64_t>((bytes + 15) / 16 * 16, 16); }
std::int64_t element_bytes(Layout layout) { return layout == Layout::kF16 ? 2 : 4; }

std::int64_t product(const Shape& shape) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return count;
}

/// The largest buffer a node binds besides weights is checked when recording; weights are known before any shape.
std::string too_large(const Graph& graph, WeightId id, std::int64_t bytes_each, const Capabilities& capabilities) {
  const Weight& weight = graph.weights[id];
  const std::int64_t bytes = padded(product(weight.shape) * bytes_each);
  if (bytes <= std::min(capabilities.max_storage_binding, capabilities.max_buffer)) return {};
  return std::format("weight {} takes {} bytes, the device binds at most {}", weight.name, bytes,
                     std::min(capabilities.max_storage_binding, capabilities.max_buffer));
}

}  // namespace

std::string declines(const Graph& graph, const Node& node, const Capabilities& capabilities,
                     const LoadOptions& options) {
  const bool half = options.precision == 16 && capabilities.shader_f16;
  for (const WeightId id : weights_of(node)) {
    const bool matrix = graph.weights[id].shape.size() > 1;
    if (std::string why = too_large(graph, id, half && matrix ? 2 : 4, capabilities); !why.empty()) return why;
  }
  if (const auto* attention = std::get_if<op::Attention>(&node.op); attention && attention->head_dim > 256) {
    return std::format("attention with head_dim {}: the kernels take up to 256", attention->head_dim);
  }
  return {};
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
    if (auto recorded = record_node(node); !recorded) return while_doing(recorded.error(), "recording {}", node.name);
    for (const ValueId id : inputs_of(node)) release(id);
    if (uses_left_[node.output] == 0) release(node.output);
  }
  for (const BufferSpec& buffer : out_.buffers) {
    if (buffer.kind != BufferKind::kWeight) out_.activation_bytes += buffer.bytes;
    if (buffer.bytes > std::min(capabilities_.max_buffer, capabilities_.max_storage_binding)) {
      return fail(ErrorCode::kLimitExceeded,
                  "batch {} x sequence {} needs a buffer of {} bytes, the device allows {}; use a smaller batch",
                  shape_.batch, shape_.sequence, buffer.bytes,
                  std::min(capabilities_.max_buffer, capabilities_.max_storage_binding));
    }
  }
  note("recorded plan");
  if (half_) note("f16 storage");
  if (!half_ && options_.precision == 16) note("f32 in place of f16: the device has no shader-f16");
  return std::move(out_);
}

Result<> Recorder::prepare() {
  if (shape_.batch < 1 || shape_.sequence < 1 || shape_.rows < 0 || shape_.batch * shape_.sequence > (1 << 24)) {
    return fail(ErrorCode::kInvalidArgument,
                "batch {} x sequence {} x rows {} is no shape WebGPU can run (at most 2^24 tokens)", shape_.batch,
                shape_.sequence, shape_.rows);
  }
  uses_left_.assign(graph_.values.size(), 0);
  buffer_of_.assign(graph_.values.size(), -1);
  for (const Node& node : graph_.nodes) {
    for (const ValueId id : inputs_of(node)) ++uses_left_[id];
  }
  consumers_ = uses_left_;
  const std::uint32_t numbers[4] = {std::uint32_t(shape_.batch), std::uint32_t(shape_.sequence),
                                    std::uint32_t(shape_.batch * shape_.sequence), std::uint32_t(shape_.rows)};
  BufferSpec uniform{.kind = BufferKind::kUniform, .bytes = sizeof numbers, .data = Bytes(sizeof numbers)};
  std::memcpy(uniform.data.data(), numbers, sizeof numbers);
  uniform_ = {add_buffer(std::move(uniform)), sizeof numbers, Layout::kI32};
  for (std::size_t i = 0; i < graph_.inputs.size(); ++i) {
    const ValueId id = graph_.inputs[i];
    const std::int64_t elements = product(shape_of(id));
    buffer_of_[id] = add_buffer({.kind = BufferKind::kInput,
                                 .bytes = padded(elements * 4),
                                 .index = std::int32_t(i),
                                 .layout = layout_of(id),
                                 .elements = elements});
    ++uses_left_[id];  // inputs keep their buffer to the end
  }
  for (std::size_t i = 0; i < graph_.outputs.size(); ++i) {
    const ValueId id = graph_.outputs[i];
    if (buffer_of_[id] >= 0)
      return fail(ErrorCode::kUnsupportedOp, "output {} is an input or given twice", graph_.values[id].name);
    const std::int64_t elements = product(shape_of(id));
    const Layout layout = layout_of(id);
    buffer_of_[id] = add_buffer({.kind = BufferKind::kOutput,
                                 .bytes = padded(elements * element_bytes(layout)),
                                 .index = std::int32_t(i),
                                 .layout = layout,
                                 .elements = elements});
    ++uses_left_[id];
  }
  return {};
}

Result<> Recorder::record_node(const Node& node) {
  return std::visit([&](const auto& op) { return record(node, op); }, node.op);
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
Layout Recorder::layout_of(ValueId id) const {
  const Value& value = graph_.values[id];
  if (value.dtype == Dtype::kI32) return Layout::kI32;
  if (!half_) return Layout::kF32;
  if (std::ranges::find(graph_.inputs, id) != graph_.inputs.end()) return Layout::kF32;
  if (is_output(id) && consumers_[id] == 0) return Layout::kF32;
  const bool tokens = std::ranges::any_of(
      value.dims, [](const Dim& d) { return d.symbol == Symbol::kSequence || d.symbol == Symbol::kRows; });
  return tokens ? Layout::kF16 : Layout::kF32;
}

bool Recorder::is_output(ValueId id) const { return std::ranges::find(graph_.outputs, id) != graph_.outputs.end(); }

std::int64_t Recorder::rows_of(ValueId id) const {
  Shape shape = shape_of(id);
  shape.pop_back();
  return product(shape);
}

Place Recorder::value(ValueId id) {
  const BufferSpec& buffer = out_.buffers[buffer_of_[id]];
  const Layout layout = buffer.kind == BufferKind::kActivation ? layout_of(id) : buffer.layout;
  return {buffer_of_[id], padded(product(shape_of(id)) * element_bytes(layout)), layout};
}

Place Recorder::result(ValueId id) {
  if (buffer_of_[id] >= 0) return value(id);
  const std::int64_t bytes = padded(product(shape_of(id)) * element_bytes(layout_of(id)));
  // The smallest free buffer that is large enough, else the largest one, grown.
  const auto better = [&](std::int32_t a, std::int32_t b) {
    const std::int64_t size_a = out_.buffers[a].bytes, size_b = out_.buffers[b].bytes;
    if ((size_a >= bytes) != (size_b >= bytes)) return size_a >= bytes;
    return size_a >= bytes ? size_a < size_b : size_a > size_b;
  };
  const auto best = std::ranges::min_element(free_, better);
  if (best == free_.end()) {
    buffer_of_[id] = add_buffer({.kind = BufferKind::kActivation, .bytes = bytes});
  } else {
    buffer_of_[id] = *best;
    free_.erase(best);
    out_.buffers[buffer_of_[id]].bytes = std::max(out_.buffers[buffer_of_[id]].bytes, bytes);
  }
  return value(id);
}

Place Recorder::weight(WeightId id, Layout layout) {
  const std::int64_t elements = product(graph_.weights[id].shape);
  const std::int64_t bytes = padded(elements * element_bytes(layout));
  auto [found, added] = weights_.try_emplace({id, layout}, -1);
  if (added) {
    found->second =
        add_buffer({.kind = BufferKind::kWeight, .bytes = bytes, .index = id, .layout = layout, .elements = elements});
  }
  return {found->second, bytes, layout};
}

Place Recorder::constant(Bytes data, Layout layout) {
  data.resize(padded(std::int64_t(data.size())));
  const auto bytes = std::int64_t(data.size());
  return {add_buffer({.kind = BufferKind::kConstant, .bytes = bytes, .layout = layout, .data = std::move(data)}), bytes,
          layout};
}

std::int32_t Recorder::add_buffer(BufferSpec spec) {
  out_.buffers.push_back(std::move(spec));
  return std::int32_t(out_.buffers.size()) - 1;
}

void Recorder::release(ValueId id) {
  if (uses_left_[id] > 0 && --uses_left_[id] > 0) return;
  if (buffer_of_[id] < 0 || out_.buffers[buffer_of_[id]].kind != BufferKind::kActivation) return;
  if (std::ranges::find(free_, buffer_of_[id]) == free_.end()) free_.push_back(buffer_of_[id]);
}

std::int64_t Recorder::tuned(const std::string& name, std::int64_t otherwise) const {
  const auto found = capabilities_.tuning.find(name);
  return found == capabilities_.tuning.end() ? otherwise : found->second;
}

void Recorder::note(const std::string& optimization) {
  if (std::ranges::find(out_.optimizations, optimization) == out_.optimizations.end())
    out_.optimizations.push_back(optimization);
}

Kernel Recorder::kernel(std::string file) const {
  Kernel made(std::move(file));
  made.uniform(uniform_).set("SUBGROUPS", capabilities_.subgroups);
  return made;
}

Result<Recording> record(const Graph& graph, const ShapeClass& shape, const Capabilities& capabilities,
                         const LoadOptions& options) {
  return Recorder(graph, shape, capabilities, options).run();
}

}  // namespace ipfs_accelerate::webgpu
