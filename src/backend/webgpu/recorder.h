// The recorder's working state: where values lie, and how a kernel becomes a pipeline and a dispatch.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "backend/webgpu/recording.h"
#include "backend/webgpu/shader_template.h"

namespace ipfs_accelerate::webgpu {

inline constexpr std::uint32_t kRowsPerLine = 32768;  ///< row kernels: workgroup (x, y) is number y * 32768 + x

/// A buffer as a kernel sees it.
struct Place {
  std::int32_t buffer = -1;
  std::int64_t bytes = 0;
  Layout layout = Layout::kF32;
};

/// One use of a kernel file: its constants, and its bindings in order. Declarations are generated, so the shader and
/// the bind group cannot disagree. A binding `x` in lanes of 4 declares `x: array<vec4<f16>>`, `alias x_t` and `alias
/// x_s`.
class Kernel {
 public:
  explicit Kernel(std::string file) : file_(std::move(file)) {}
  /// `const NAME = value;` in the shader, and a flag for //#if and //#for.
  Kernel& set(std::string name, std::int64_t value);
  /// `const NAME: f32 = value;`
  Kernel& set_float(std::string name, float value);
  /// `alias NAME = type;`
  Kernel& alias(std::string name, std::string_view type);
  /// `NAME` becomes the number of rows of a value: an expression over the shape uniform, so that shapes share
  /// pipelines.
  Kernel& count(std::string_view name, const Value& value);
  Kernel& read(std::string name, const Place& place, int lanes);
  Kernel& write(std::string name, const Place& place, int lanes);
  Kernel& uniform(const Place& place);

  const std::string& file() const { return file_; }
  const std::vector<BindingSpec>& bindings() const { return bindings_; }
  const std::vector<BindingType>& types() const { return types_; }
  Result<std::string> text() const;

 private:
  Kernel& bind(std::string name, const Place& place, int lanes, BindingType type);

  std::string file_, constants_, declarations_;
  Flags flags_;
  std::vector<std::pair<std::string, std::string>> expressions_;
  std::vector<BindingSpec> bindings_;
  std::vector<BindingType> types_;
};

class Recorder {
 public:
  Recorder(const Graph& graph, const ShapeClass& shape, const Capabilities& capabilities, const LoadOptions& options);
  Result<Recording> run();

 private:
  Result<> prepare();
  Result<> record_node(const Node& node);
  Result<> record(const Node& node, const op::Embed& op);
  Result<> record(const Node& node, const op::Linear& op);
  Result<> record_linear_matrix(const Node& node, const op::Linear& op);
  Result<> record_attention_matrix(const Node& node, const op::Attention& op, std::int64_t parts, std::int64_t keys);
  Result<> record(const Node& node, const op::LayerNorm& op);
  Result<> record(const Node& node, const op::Attention& op);
  Result<> record(const Node& node, const op::RelativeBias& op);
  Result<> record(const Node& node, const op::Pool& op);
  Result<> record(const Node& node, const op::Normalize& op);
  Result<> record(const Node& node, const op::SelectRows& op);

  /// Adds the dispatch, sharing the pipeline with an earlier one of equal text.
  Result<> dispatch(const Node& node, const Kernel& kernel, std::array<std::uint32_t, 3> workgroups);
  std::array<std::uint32_t, 3> row_grid(std::int64_t rows, std::int64_t rows_each = 1) const;

  Layout layout_of(ValueId value) const;
  bool is_output(ValueId value) const;
  Place value(ValueId id);   ///< of an input of the node at hand
  Place result(ValueId id);  ///< room for the node's output
  Place weight(WeightId id, Layout layout);
  Layout weight_layout() const { return half_ ? Layout::kF16 : Layout::kF32; }
  Place constant(Bytes data, Layout layout);
  std::int32_t add_buffer(BufferSpec spec);
  void release(ValueId id);
  Shape shape_of(ValueId id) const { return bind(graph_.values[id].dims, shape_); }
  std::int64_t last_dim(ValueId id) const { return shape_of(id).back(); }
  std::int64_t rows_of(ValueId id) const;  ///< product of all dims but the last
  std::int64_t tuned(const std::string& name, std::int64_t otherwise) const;
  void note(const std::string& optimization);
  /// Every subgroup has this many invocations; 0 when subgroups are absent or differ in size.
  std::int64_t fixed_subgroup() const;
  /// Constants of a kernel that treats rows of `width`; returns how many rows a workgroup takes.
  std::int64_t set_row(Kernel& kernel, std::int64_t width) const;
  /// A kernel with the shape uniform and the features' flags set.
  Kernel kernel(std::string file) const;

  const Graph& graph_;
  const ShapeClass& shape_;
  const Capabilities& capabilities_;
  const LoadOptions& options_;
  bool half_ = false;
  Recording out_;
  Place uniform_;
  std::vector<int> consumers_, uses_left_;  ///< per value: nodes that read it; those still to come
  std::vector<std::int32_t> buffer_of_;     ///< per value; -1 none yet
  std::vector<std::int32_t> free_;          ///< activation buffers whose value is dead
  std::map<std::pair<WeightId, Layout>, std::int32_t> weights_;
  std::map<std::string, std::int32_t, std::less<>> pipelines_;
};

}  // namespace ipfs_accelerate::webgpu
