// The recorder's working state: where values lie, and how a kernel becomes a pipeline and a dispatch.
#pragma once

#include <map>
#include <span>
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
  Dtype dtype = Dtype::kF32;
};

/// One use of a kernel file: its constants, and its bindings in order. Declarations are generated, so the shader and
/// the bind group cannot disagree. A binding `x` in lanes of 4 declares `x: array<vec4<f16>>`, `alias x_t` and `alias
/// x_s`.
class Kernel {
 public:
  Kernel(std::string file, const Graph& graph) : file_(std::move(file)), graph_(graph) {}
  /// `const NAME = value;` in the shader, and a flag for //#if and //#for.
  Kernel& set(std::string name, std::int64_t value);
  /// `const NAME: f32 = value;`
  Kernel& set_float(std::string name, float value);
  /// `alias NAME = type;`
  Kernel& alias(std::string name, std::string_view type);
  /// `NAME` becomes a dimension, or the product of several: an expression over the shape uniform, so that shapes share
  /// pipelines.
  Kernel& count(std::string_view name, std::span<const Dim> dims);
  Kernel& read(std::string name, const Place& place, int lanes);
  Kernel& write(std::string name, const Place& place, int lanes);
  Kernel& uniform(const Place& place);

  const std::string& file() const { return file_; }
  const std::vector<BindingSpec>& bindings() const { return bindings_; }
  const std::vector<BindingType>& types() const { return types_; }
  Result<std::string> text() const;

 private:
  Kernel& bind(std::string name, const Place& place, int lanes, BindingType type);

  std::string file_;
  const Graph& graph_;
  std::string constants_, declarations_;
  Flags flags_;
  std::vector<std::pair<std::string, std::string>> expressions_;
  std::vector<BindingSpec> bindings_;
  std::vector<BindingType> types_;
};

/// One walk over a graph. The functions that record an op (ops.h) see its questions and what makes dispatches.
class Recorder {
 public:
  Recorder(const Graph& graph, const ShapeClass& shape, const Capabilities& capabilities, const LoadOptions& options);
  Result<Recording> run();

  const Capabilities& capabilities() const { return capabilities_; }
  bool half() const { return half_; }  ///< values of tokens and matrices lie in f16
  const Graph& graph() const { return graph_; }
  std::span<const Dim> dims_of(ValueId id) const { return graph_.value(id).dims; }
  std::span<const Dim> row_dims_of(ValueId id) const { return dims_of(id).first(dims_of(id).size() - 1); }
  Shape shape_of(ValueId id) const { return graph_.shape_of(id, shape_); }
  std::int64_t bind(const Dim& dim) const { return graph_.bind(dim, shape_); }
  std::int64_t size_of(ValueId id, std::size_t axis) const { return shape_of(id)[axis]; }
  std::int64_t last_dim(ValueId id) const { return shape_of(id).back(); }
  std::int64_t rows_of(ValueId id) const;  ///< product of all dims but the last
  Dtype dtype_of(ValueId value) const;
  /// A kernel choice measured to be better on this device, or the built-in one.
  std::int64_t tuned(const std::string& name, std::int64_t otherwise) const;
  /// Every subgroup has this many invocations; 0 when subgroups are absent or differ in size.
  std::int64_t fixed_subgroup() const;

  /// A kernel with the shape uniform and the features' flags set.
  Kernel kernel(std::string file) const;
  /// Constants of a kernel that treats rows of `width`; returns how many rows a workgroup takes.
  std::int64_t set_row(Kernel& kernel, std::int64_t width) const;
  Place value(ValueId id);  ///< where it lies
  Place weight(WeightId id, Dtype dtype);
  Dtype weight_dtype() const { return half_ ? Dtype::kF16 : Dtype::kF32; }
  Place constant(Bytes data, Dtype dtype);
  /// Adds the dispatch, sharing the pipeline with an earlier one of equal text.
  Result<> dispatch(const Node& node, const Kernel& kernel, std::array<std::uint32_t, 3> workgroups);
  std::array<std::uint32_t, 3> row_grid(std::int64_t rows, std::int64_t rows_each = 1) const;
  void note(const std::string& optimization);

 private:
  Result<> prepare();
  void place_states();
  Result<> check_limits() const;
  void place_activations();
  bool is_output(ValueId value) const;
  std::int32_t add_buffer(BufferSpec spec);
  std::int32_t& buffer_of(ValueId id) { return buffer_of_[id.index()]; }

  const Graph& graph_;
  const ShapeClass& shape_;
  const Capabilities& capabilities_;
  const LoadOptions& options_;
  bool half_ = false;
  Recording out_;
  Place uniform_;
  std::vector<int> consumers_;           ///< per value: nodes that read it
  std::vector<std::int32_t> buffer_of_;  ///< per value; -1 none yet
  std::map<std::pair<WeightId, Dtype>, std::int32_t> weights_;
  std::map<std::string, std::int32_t, std::less<>> pipelines_;
};

/// Invocations for a row of `columns` units: enough to keep a few units each.
std::int64_t threads_for(std::int64_t columns);
/// Workgroups that cover `size` in steps of `tile`.
inline std::uint32_t tiles(std::int64_t size, std::int64_t tile) { return std::uint32_t((size + tile - 1) / tile); }

}  // namespace ipfs_accelerate::webgpu
