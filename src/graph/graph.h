// The graph: coarse transformer operations over named values, with symbolic shapes and weights by name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tensor/tensor.h"

namespace ipfs_accelerate {

/// What a symbolic dimension stands for; bound to numbers per shape class.
enum class Symbol : std::uint8_t { kNone, kBatch, kSequence, kRows };

/// One dimension: a number, or a symbol.
struct Dim {
  Symbol symbol = Symbol::kNone;
  std::int64_t size = 0;  ///< when symbol is kNone
  friend bool operator==(const Dim&, const Dim&) = default;
};
inline Dim dim(std::int64_t size) { return {Symbol::kNone, size}; }
inline constexpr Dim kBatchDim{Symbol::kBatch, 0};
inline constexpr Dim kSequenceDim{Symbol::kSequence, 0};
inline constexpr Dim kRowsDim{Symbol::kRows, 0};  ///< rows picked by SelectRows

/// Numbers for the symbols: one compiled executable per shape class.
struct ShapeClass {
  std::int64_t batch = 1;
  std::int64_t sequence = 1;
  std::int64_t rows = 1;
  friend auto operator<=>(const ShapeClass&, const ShapeClass&) = default;
};

using ValueId = std::int32_t;
using WeightId = std::int32_t;
inline constexpr ValueId kNoValue = -1;
inline constexpr WeightId kNoWeight = -1;

struct Value {
  std::string name;
  Dtype dtype = Dtype::kF32;  ///< kF32 or kI32; a backend may keep kF32 values in f16
  std::vector<Dim> dims;
};

/// A weight the graph needs: one stored tensor, or several of equal row length stacked along dimension 0 (Q, K, V).
struct Weight {
  std::string name;                ///< the first part's name, or a joined name for a stack
  std::vector<std::string> parts;  ///< stored tensor names, in order
  Shape shape;                     ///< after stacking
};

enum class Activation : std::uint8_t { kNone, kGelu, kGeluTanh, kRelu, kTanh, kSilu };
enum class PoolMode : std::uint8_t { kMean, kCls, kMax, kMeanSqrtLength, kLastToken, kWeightedMean };

/// Every weight of an op is a WeightId, every tensor it reads a ValueId; optional ones may be kNoWeight / kNoValue.
namespace op {

/// y[b,s,:] = word[ids[b,s]] + position[position_ids[b,s]] + type[type_ids[b,s]], then LayerNorm when gamma is given.
/// ids, position_ids, type_ids: i32 [batch, sequence]. y: [batch, sequence, hidden].
struct Embed {
  static constexpr std::string_view kName = "embed";
  ValueId ids = kNoValue, position_ids = kNoValue, type_ids = kNoValue;
  WeightId word = kNoWeight, position = kNoWeight, type = kNoWeight, gamma = kNoWeight, beta = kNoWeight;
  float epsilon = 1e-12f;
};

/// y = activation(x W^T + bias) + residual. x: [..., k], W: [n, k], bias: [n], y and residual: [..., n].
struct Linear {
  static constexpr std::string_view kName = "linear";
  ValueId x = kNoValue, residual = kNoValue;
  WeightId weight = kNoWeight, bias = kNoWeight;
  Activation activation = Activation::kNone;
};

/// y = (v - mean(v)) / sqrt(var(v) + epsilon) * gamma + beta over the last dimension, v = x (+ residual).
struct LayerNorm {
  static constexpr std::string_view kName = "layer_norm";
  ValueId x = kNoValue, residual = kNoValue;
  WeightId gamma = kNoWeight, beta = kNoWeight;
  float epsilon = 1e-12f;
};

/// Bidirectional multi-head attention. qkv: [batch, sequence, 3 * heads * head_dim] (all Q, then all K, then all V);
/// mask: i32 [batch, sequence], 0 = not attended; bias: [heads, sequence, sequence], added to the scaled scores.
/// y: [batch, sequence, heads * head_dim]. A row with no attended key gives the mean of all V rows of its sequence.
struct Attention {
  static constexpr std::string_view kName = "attention";
  ValueId qkv = kNoValue, mask = kNoValue, bias = kNoValue;
  std::int32_t heads = 1, head_dim = 1;
  float scale = 1.0f;
};

/// T5/MPNet relative position bias: y[h,i,j] = table[bucket(j - i)][h]. table: [buckets, heads]; y: [heads, seq, seq].
struct RelativeBias {
  static constexpr std::string_view kName = "relative_bias";
  WeightId table = kNoWeight;
  std::int32_t buckets = 32, max_distance = 128;
  bool bidirectional = true;
};

/// Pools tokens into one vector per sequence. x: [batch, sequence, hidden], mask: i32 [batch, sequence]; y: [batch,
/// hidden].
struct Pool {
  static constexpr std::string_view kName = "pool";
  ValueId x = kNoValue, mask = kNoValue;
  PoolMode mode = PoolMode::kMean;
};

/// y = x / max(|x|_2, epsilon) over the last dimension.
struct Normalize {
  static constexpr std::string_view kName = "normalize";
  ValueId x = kNoValue;
  float epsilon = 1e-12f;
};

/// y[r,:] = x flattened to [batch * sequence, hidden] at row rows[r]. rows: i32 [rows]; y: [rows, hidden].
struct SelectRows {
  static constexpr std::string_view kName = "select_rows";
  ValueId x = kNoValue, rows = kNoValue;
};

}  // namespace op

/// All operations. Adding one: a struct here, a shape rule in shapes.cpp, a row in each backend.
using Op = std::variant<op::Embed, op::Linear, op::LayerNorm, op::Attention, op::RelativeBias, op::Pool, op::Normalize,
                        op::SelectRows>;

struct Node {
  std::string name;  ///< where in the model: "encoder.layer.0.attention"
  Op op;
  ValueId output = kNoValue;
};
std::string_view op_name(const Op& op);
std::vector<ValueId> inputs_of(const Node& node);    ///< present ones only, in declaration order
std::vector<WeightId> weights_of(const Node& node);  ///< present ones only

/// Nodes are in execution order. inputs and outputs name values from outside and for outside.
struct Graph {
  std::vector<Value> values;
  std::vector<Weight> weights;
  std::vector<Node> nodes;
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;

  ValueId find(std::string_view value_name) const;  ///< kNoValue when absent
  const Value& value(ValueId id) const { return values[static_cast<std::size_t>(id)]; }
  const Weight& weight(WeightId id) const { return weights[static_cast<std::size_t>(id)]; }
};

/// Dimensions with the symbols bound.
Shape bind(const std::vector<Dim>& dims, const ShapeClass& shape);
std::string dims_text(const std::vector<Dim>& dims);  ///< "[batch, sequence, 384]"

/// Weights the nodes read, ascending. A slice keeps the whole table but uses only some of it.
std::vector<WeightId> used_weights(const Graph& graph);

/// The row of RelativeBias::table for a key `distance` = j - i positions after the query.
/// As T5 and MPNet compute it, in float: half the buckets are exact, the rest logarithmic up to max_distance.
std::int32_t relative_bucket(std::int64_t distance, const op::RelativeBias& bias);

/// Builds a graph node by node; shapes and dtypes are checked and inferred at each step.
/// The first mistake is kept and returned by finish(), so builders read straight through.
class GraphBuilder {
 public:
  ValueId input(std::string name, Dtype dtype, std::vector<Dim> dims);
  /// One stored tensor, or a stack of them; equal names give the same id. `shape` is checked by the weight loader.
  WeightId weight(const std::string& name, Shape shape);
  WeightId stack(std::vector<std::string> names, Shape shape);
  /// Adds a node; its output value has the node's name. kNoValue after a mistake.
  ValueId add(std::string node_name, Op op);
  /// Makes `value` an output called `name`. A value can be an output once only.
  void output(ValueId value, std::string name);
  void fail(Error error);
  Result<Graph> finish();

 private:
  Graph graph_;
  std::optional<Error> error_;
};

/// Output dims of an op, or why its inputs do not fit. The one place where shapes are decided.
Result<std::vector<Dim>> infer(const Graph& graph, const Op& op);

/// The part of `graph` that computes nodes [begin, end): same ids for values and weights, its own inputs and outputs.
/// Values that cross the border become inputs and outputs, with their names kept; the graph's own inputs and outputs
/// come first, in their order.
Graph slice(const Graph& graph, std::size_t begin, std::size_t end);

}  // namespace ipfs_accelerate
