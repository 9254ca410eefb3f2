// Lowering: each node of the graph as a few large WebNN calls.
//
// Inside, a value [..., width] is a matrix [rows, width]: gemm wants rank 2, and graph inputs and outputs are the same
// bytes in either shape. Only attention and pooling look at batch and sequence.
#include <cmath>
#include <limits>
#include <numbers>

#include "backend/webnn/call_list.h"
#include "backend/webnn/lowering.h"
#include "graph/typical_shape.h"

namespace ipfs_accelerate::webnn {
namespace {

using Json = nlohmann::json;

/// Beyond every score in the compute type. A key that may not be attended gets exactly minus this: its exponential is
/// zero, and a sequence without any attended key still has finite, equal scores.
double score_limit(Dtype type) { return type == Dtype::kF16 ? 30000.0 : 1e9; }
constexpr double kLowest = -1e9;  ///< what max pooling sees in place of padding, as on the other backends

class Lowering {
 public:
  Lowering(const Graph& graph, const ShapeClass& shape, const Limits& limits, const LoadOptions& options)
      : graph_(graph), shape_(shape), calls_(limits), float_(options.precision == 16 ? Dtype::kF16 : Dtype::kF32) {}

  void input(ValueId id);
  void output(ValueId id);
  void node(const Node& node) {
    values_[node.output] = std::visit([&](const auto& op) { return lower(op); }, node.op);
  }
  const std::string& refusal() const { return calls_.refusal(); }
  Json finish() && { return std::move(calls_).finish(); }

 private:
  Operand lower(const op::Embed& op);
  Operand lower(const op::Linear& op);
  Operand lower(const op::LayerNorm& op);
  Operand lower(const op::Attention& op);
  Operand lower(const op::RelativeBias& op);
  Operand lower(const op::Pool& op);
  Operand lower(const op::Normalize& op);
  Operand lower(const op::SelectRows& op);
  Operand lower(const op::Patches& op);
  Operand lower(const op::VisionEmbed& op);
  Operand lower(const op::Scale& op);
  Operand lower(const op::SoftCap& op);
  Operand lower(const op::RmsNorm& op);
  Operand lower(const op::Gate& op);
  Operand lower(const op::ArgMax& op);
  Operand lower(const op::DistanceBias& op);
  Operand lower(const op::Rope& op);
  template <class Other>
  Operand lower(const Other&) {
    calls_.refuse(std::format("{} has no form in WebNN here", Other::kName));
    return kNoOperand;
  }

  Operand value(ValueId id) const { return id ? values_.at(id) : kNoOperand; }
  Operand weight(WeightId id) { return id ? calls_.weight(id, float_, graph_.weight(id).shape) : kNoOperand; }
  const Shape& shape(Operand x) const { return calls_.shape(x); }
  /// Of a value as the graph has it, not as the matrix it is here.
  Shape shape_of(ValueId id) const { return graph_.shape_of(id, shape_); }
  Operand number(double value) { return calls_.number(float_, value); }

  Operand unary(const char* op, Operand x) { return calls_.call(op, {x}, calls_.type(x), shape(x)); }
  /// The result has the shape of `a`; `b` is broadcast.
  Operand binary(const char* op, Operand a, Operand b) { return calls_.call(op, {a, b}, calls_.type(a), shape(a)); }
  Operand cast(Operand x, Dtype type) {
    if (calls_.type(x) == type) return x;
    return calls_.call("cast", {x}, type, shape(x), {data_type_name(type)});
  }
  Operand reshape(Operand x, const Shape& to) {
    return shape(x) == to ? x : calls_.call("reshape", {x}, calls_.type(x), to, Json::array({to}));
  }
  Operand transpose(Operand x, const std::vector<std::size_t>& permutation) {
    Shape to;
    for (auto axis : permutation) to.push_back(shape(x)[axis]);
    return calls_.call("transpose", {x}, calls_.type(x), to, Json::array(), {{"permutation", permutation}});
  }
  Operand matmul(Operand a, Operand b) {
    Shape to = shape(a);
    to.back() = shape(b).back();
    return calls_.call("matmul", {a, b}, calls_.type(a), to);
  }
  Operand reduce(const char* op, Operand x, std::size_t axis) {
    Shape to = shape(x);
    to[axis] = 1;
    return calls_.call(op, {x}, calls_.type(x), to, Json::array(), {{"axes", {axis}}, {"keepDimensions", true}});
  }
  /// `size` entries from `begin` on along the axes; the whole where they are all of it.
  Operand slice(Operand x, const Shape& begin, const Shape& size) {
    return shape(x) == size ? x : calls_.call("slice", {x}, calls_.type(x), size, Json::array({begin, size}));
  }
  /// Zeros around it.
  Operand pad(Operand x, const Shape& before, const Shape& after) {
    Shape to = shape(x);
    for (std::size_t i = 0; i < to.size(); ++i) to[i] += before[i] + after[i];
    return shape(x) == to ? x : calls_.call("pad", {x}, calls_.type(x), to, Json::array({before, after}));
  }
  /// Rows of a matrix by their numbers.
  Operand gather(Operand table, Operand rows) {
    return calls_.call("gather", {table, rows}, calls_.type(table), {shape(rows)[0], shape(table)[1]}, Json::array(),
                       {{"axis", 0}});
  }
  Operand activate(Operand x, Activation activation);
  Operand gelu_tanh(Operand x);
  Operand norm(Operand x, WeightId gamma, WeightId beta, float epsilon);

  /// f32 [batch, sequence]: 1 where the i32 mask is 0, else 0. Made once per mask.
  Operand hidden(ValueId mask);
  /// [batch, 1, 1, sequence]: the largest score a key may have. Made once per mask.
  Operand score_caps(ValueId mask);
  /// heads * head_dim columns of every row: [batch * length, heads * head_dim].
  Operand columns(const Columns& from, std::int64_t width);
  /// q, k and v, each as columns().
  std::vector<Operand> projections(const op::Attention& op);
  /// [batch * length, heads * head_dim] as [batch, heads, length, head_dim].
  Operand heads_first(Operand x, const Shape& tokens, std::int64_t heads, std::int64_t head_dim);
  /// [1, 1, queries, keys]: the largest score a key may have, by what a query sees.
  Operand sight_caps(const op::Attention& op, std::int64_t queries, std::int64_t keys);
  /// f32 [batch, sequence]: 1 where the mask is not 0, or everywhere without one.
  Operand shown(ValueId mask, const Shape& tokens);
  /// x: [batch * sequence, hidden], tokens: [batch, sequence, hidden].
  Operand pool_sum(Operand x, const Shape& tokens, const op::Pool& op);
  Operand pool_max(Operand x, const Shape& tokens, ValueId mask);
  Operand last_tokens(const Shape& tokens, ValueId mask);
  /// A matrix [to, from] that interpolates columns of `from` places.
  Operand cubic(std::int64_t from, std::int64_t to);
  /// The grid of positions as pictures of this size have it: [rows * columns, hidden].
  Operand position_grid(const op::VisionEmbed& op);
  /// first, first + step, first + 2 * step, ...
  Operand counting(Dtype type, const Shape& to, double first, double step);

  const Graph& graph_;
  ShapeClass shape_;
  CallList calls_;
  Dtype float_;
  std::map<ValueId, Operand> values_;
  std::map<ValueId, Operand> hidden_;
  std::map<ValueId, Operand> score_caps_;
};

std::int64_t product(const Shape& shape, std::size_t begin, std::size_t end) {
  std::int64_t result = 1;
  for (std::size_t i = begin; i < end; ++i) result *= shape[i];
  return result;
}

void Lowering::input(ValueId id) {
  const Value& value = graph_.value(id);
  const Shape bound = shape_of(id);
  if (value.dtype == Dtype::kI32) {  // ids, masks, rows: one dimension
    values_[id] = calls_.input(value.name, Dtype::kI32, {product(bound, 0, bound.size())});
    return;
  }
  const Shape matrix = bound.size() == 3 && !value.dims[0].symbol
                           ? bound  // a relative bias [heads, sequence, sequence]
                           : Shape{product(bound, 0, bound.size() - 1), bound.back()};
  values_[id] = cast(calls_.input(value.name, Dtype::kF32, matrix), float_);
}

void Lowering::output(ValueId id) {
  const Value& value = graph_.value(id);
  const Dtype type = value.dtype == Dtype::kI32 ? Dtype::kI32 : Dtype::kF32;
  calls_.output(value.name, cast(values_.at(id), type));
}

Operand Lowering::lower(const op::Embed& op) {
  Operand y = gather(weight(op.word), value(op.ids));
  if (op.position_ids) y = binary("add", y, gather(weight(op.position), value(op.position_ids)));
  if (op.type) {  // without ids its row 0
    y = binary("add", y, gather(weight(op.type), op.type_ids ? value(op.type_ids) : counting(Dtype::kI32, {1}, 0, 0)));
  }
  return op.gamma ? norm(y, op.gamma, op.beta, op.epsilon) : y;
}

Operand Lowering::lower(const op::Linear& op) {
  const Operand x = value(op.x), w = weight(op.weight);
  Operand y = calls_.call("gemm", {x, w}, float_, {shape(x)[0], shape(w)[0]}, Json::array(), {{"bTranspose", true}},
                          {{"c", weight(op.bias)}});
  y = activate(y, op.activation);
  return op.residual ? binary("add", y, value(op.residual)) : y;
}

Operand Lowering::activate(Operand x, Activation activation) {
  switch (activation) {
    case Activation::kNone: return x;
    case Activation::kGelu: return unary("gelu", x);
    case Activation::kGeluTanh: return gelu_tanh(x);
    case Activation::kRelu: return unary("relu", x);
    case Activation::kTanh: return unary("tanh", x);
    case Activation::kSilu: return binary("mul", x, unary("sigmoid", x));
  }
  return x;
}

/// x * (0.5 + 0.5 tanh(sqrt(2 / pi) (x + 0.044715 x^3))).
Operand Lowering::gelu_tanh(Operand x) {
  const double a = std::sqrt(2.0 / std::numbers::pi);
  Operand inner = binary("add", binary("mul", binary("mul", x, x), number(0.044715 * a)), number(a));
  Operand half = binary("mul", unary("tanh", binary("mul", x, inner)), number(0.5));
  return binary("mul", x, binary("add", half, number(0.5)));
}

Operand Lowering::norm(Operand x, WeightId gamma, WeightId beta, float epsilon) {
  return calls_.call("layerNormalization", {x}, calls_.type(x), shape(x), Json::array(),
                     {{"axes", {shape(x).size() - 1}}, {"epsilon", epsilon}},
                     {{"scale", weight(gamma)}, {"bias", weight(beta)}});
}

Operand Lowering::lower(const op::LayerNorm& op) {
  Operand x = value(op.x);
  if (op.residual) x = binary("add", x, value(op.residual));
  return norm(x, op.gamma, op.beta, op.epsilon);
}

Operand Lowering::hidden(ValueId mask) {
  if (auto found = hidden_.find(mask); found != hidden_.end()) return found->second;
  const Operand ids = reshape(value(mask), shape_of(mask));
  const Operand zero = calls_.call("equal", {ids, calls_.number(Dtype::kI32, 0)}, Dtype::kU8, shape(ids));
  return hidden_[mask] = cast(zero, Dtype::kF32);
}

Operand Lowering::shown(ValueId mask, const Shape& to) {
  if (!mask) return counting(Dtype::kF32, to, 1, 0);
  return calls_.call("sub", {calls_.number(Dtype::kF32, 1), hidden(mask)}, Dtype::kF32, to);
}

Operand Lowering::score_caps(ValueId mask) {
  if (auto found = score_caps_.find(mask); found != score_caps_.end()) return found->second;
  const Shape tokens = shape_of(mask);
  const Operand half = calls_.call("sub", {calls_.number(Dtype::kF32, 0.5), hidden(mask)}, Dtype::kF32, tokens);
  const Operand caps = binary("mul", half, calls_.number(Dtype::kF32, 2 * score_limit(float_)));
  return score_caps_[mask] = reshape(cast(caps, float_), {tokens[0], 1, 1, tokens[1]});
}

Operand Lowering::columns(const Columns& from, std::int64_t width) {
  const Operand x = value(from.value);
  const std::int64_t rows = shape(x)[0];
  if (shape(x)[1] == width) return x;
  return calls_.call("slice", {x}, calls_.type(x), {rows, width}, Json::array({{0, from.first}, {rows, width}}));
}

std::vector<Operand> Lowering::projections(const op::Attention& op) {
  const std::int64_t hidden = std::int64_t{op.heads} * op.head_dim, narrow = std::int64_t{op.kv_heads} * op.head_dim;
  const bool stacked = op.q.value == op.k.value && op.k.value == op.v.value && narrow == hidden && op.q.first == 0 &&
                       op.k.first == hidden && op.v.first == 2 * hidden && shape_of(op.q.value)[2] == 3 * hidden;
  if (stacked) return calls_.split(value(op.q.value), 3, 1);
  return {columns(op.q, hidden), columns(op.k, narrow), columns(op.v, narrow)};
}

Operand Lowering::heads_first(Operand x, const Shape& tokens, std::int64_t heads, std::int64_t head_dim) {
  return transpose(reshape(x, {tokens[0], tokens[1], heads, head_dim}), {0, 2, 1, 3});
}

Operand Lowering::sight_caps(const op::Attention& op, std::int64_t queries, std::int64_t keys) {
  std::vector<double> caps;
  for (std::int64_t query = 0; query < queries; ++query) {
    const Sight sight = sight_of(op, query, queries, keys);
    for (std::int64_t key = 0; key < keys; ++key) {
      // Below what the mask leaves, so that a query without any attended key weighs only what it sees.
      caps.push_back(key >= sight.first && key < sight.end ? score_limit(float_) : -2 * score_limit(float_));
    }
  }
  return calls_.numbers(float_, {1, 1, queries, keys}, caps);
}

Operand Lowering::lower(const op::Attention& op) {
  const Shape from = shape_of(op.q.value), to = shape_of(op.k.value);
  const std::int64_t batch = from[0], queries = from[1], keys = to[1], d = op.head_dim;
  const std::int64_t together = op.heads / op.kv_heads * queries;  // query rows that read the same keys
  const auto parts = projections(op);
  const Operand q = heads_first(binary("mul", parts[0], number(op.scale)), from, op.heads, d);
  const Operand k = transpose(reshape(parts[1], {batch, keys, op.kv_heads, d}), {0, 2, 3, 1});
  const Operand v = heads_first(parts[2], to, op.kv_heads, d);
  Operand scores = matmul(reshape(q, {batch, op.kv_heads, together, d}), k);
  scores = reshape(scores, {batch, op.heads, queries, keys});
  if (op.soft_cap != 0) {
    scores = binary("mul", unary("tanh", binary("div", scores, number(op.soft_cap))), number(op.soft_cap));
  }
  if (op.bias) scores = binary("add", scores, reshape(value(op.bias), {1, op.heads, queries, keys}));
  if (op.mask) scores = binary("min", scores, score_caps(op.mask));
  if (op.causal) scores = binary("min", scores, sight_caps(op, queries, keys));
  scores = calls_.call("softmax", {scores}, float_, shape(scores), {3});
  const Operand mixed = matmul(reshape(scores, {batch, op.kv_heads, together, keys}), v);
  const Operand rows = transpose(reshape(mixed, {batch, op.heads, queries, d}), {0, 2, 1, 3});
  return reshape(rows, {batch * queries, op.heads * d});
}

Operand Lowering::lower(const op::RelativeBias& op) {
  const std::int64_t s = graph_.bind(op.length, shape_);
  std::vector<double> rows;
  rows.reserve(static_cast<std::size_t>(s * s));
  for (std::int64_t i = 0; i < s; ++i) {
    for (std::int64_t j = 0; j < s; ++j) rows.push_back(relative_bucket(j - i, op));
  }
  const Operand table = weight(op.table);
  const Operand picked = gather(table, calls_.numbers(Dtype::kI32, {s * s}, rows));
  return reshape(transpose(picked, {1, 0}), {shape(table)[1], s, s});
}

Operand Lowering::counting(Dtype type, const Shape& to, double first, double step) {
  std::vector<double> values;
  for (std::int64_t i = 0, count = product(to, 0, to.size()); i < count; ++i) values.push_back(first + step * i);
  return calls_.numbers(type, to, values);
}

/// mean, mean_sqrt_length, weighted_mean: weights [batch, 1, sequence] x tokens [batch, sequence, hidden].
Operand Lowering::pool_sum(Operand x, const Shape& tokens, const op::Pool& op) {
  const std::int64_t b = tokens[0], s = tokens[1], width = tokens[2];
  Operand weights = shown(op.mask, {b, s});
  if (op.mode == PoolMode::kWeightedMean) weights = binary("mul", weights, counting(Dtype::kF32, {1, s}, 1, 1));
  Operand total = binary("max", reduce("reduceSum", weights, 1), calls_.number(Dtype::kF32, 1e-9));
  if (op.mode == PoolMode::kMeanSqrtLength) total = unary("sqrt", total);
  const Operand sum = matmul(reshape(weights, {b, 1, s}), reshape(x, tokens));
  return binary("div", reshape(sum, {b, width}), total);
}

Operand Lowering::pool_max(Operand x, const Shape& tokens, ValueId mask) {
  const std::int64_t b = tokens[0], s = tokens[1], width = tokens[2];
  x = reshape(x, tokens);
  if (!mask) return reshape(reduce("reduceMax", x, 1), {b, width});
  const Operand lowest = calls_.number(Dtype::kF32, kLowest);
  const Operand off = binary("mul", reshape(hidden(mask), {b, s, 1}), lowest);
  return binary("max", reshape(reduce("reduceMax", binary("add", x, off), 1), {b, width}), lowest);
}

/// Row numbers of each sequence's last attended token; its first token when none is.
Operand Lowering::last_tokens(const Shape& tokens, ValueId mask) {
  const std::int64_t b = tokens[0], s = tokens[1];
  if (!mask) return counting(Dtype::kI32, {b}, static_cast<double>(s - 1), static_cast<double>(s));
  // In float32, exact to 2^24 rows: the places 1, 2, 3 ... of attended tokens, and the largest of them.
  const Operand places = binary("mul", shown(mask, {b, s}), counting(Dtype::kF32, {1, s}, 1, 1));
  const Operand last = binary("max", reduce("reduceMax", places, 1), calls_.number(Dtype::kF32, 1));
  const Operand first_rows = counting(Dtype::kF32, {b, 1}, -1, static_cast<double>(s));
  return reshape(cast(binary("add", last, first_rows), Dtype::kI32), {b});
}

/// Pooling and normalisation compute in float32: sums over a sequence are beyond float16.
Operand Lowering::lower(const op::Pool& op) {
  const Operand x = value(op.x);
  const Shape tokens = shape_of(op.x);
  switch (op.mode) {
    case PoolMode::kCls: return gather(x, counting(Dtype::kI32, {tokens[0]}, 0, static_cast<double>(tokens[1])));
    case PoolMode::kLastToken: return gather(x, last_tokens(tokens, op.mask));
    case PoolMode::kMax: return cast(pool_max(cast(x, Dtype::kF32), tokens, op.mask), float_);
    default: return cast(pool_sum(cast(x, Dtype::kF32), tokens, op), float_);
  }
}

Operand Lowering::lower(const op::Normalize& op) {
  const Operand x = cast(value(op.x), Dtype::kF32);
  const Operand least = calls_.number(Dtype::kF32, op.epsilon);
  return cast(binary("div", x, binary("max", reduce("reduceL2", x, shape(x).size() - 1), least)), float_);
}

Operand Lowering::lower(const op::SelectRows& op) { return gather(value(op.x), value(op.rows)); }

Operand Lowering::lower(const op::Scale& op) { return binary("mul", value(op.x), number(op.factor)); }

Operand Lowering::lower(const op::SoftCap& op) {
  return binary("mul", unary("tanh", binary("div", value(op.x), number(op.cap))), number(op.cap));
}

/// In float32: squares are beyond float16.
Operand Lowering::lower(const op::RmsNorm& op) {
  const Operand x = cast(value(op.x), Dtype::kF32);
  const Operand mean = reduce("reduceMean", binary("mul", x, x), shape(x).size() - 1);
  const Operand length = unary("sqrt", binary("add", mean, calls_.number(Dtype::kF32, op.epsilon)));
  return binary("mul", cast(binary("div", x, length), float_), weight(op.gamma));
}

Operand Lowering::lower(const op::Gate& op) {
  const auto halves = calls_.split(value(op.x), 2, 1);
  return binary("mul", activate(halves[0], op.activation), halves[1]);
}

/// WebNN's own argMax leaves open which of equals it gives. Here each column counts what is left of the row from it on,
/// so that the first of equals counts most; in float32, exact to 2^24 columns. -1 for a row without a finite answer.
Operand Lowering::lower(const op::ArgMax& op) {
  const Operand x = value(op.x);
  const std::int64_t rows = shape(x)[0], columns = shape(x)[1];
  if (columns > 1 << 24) calls_.refuse("arg_max over more than 2^24 columns is not exact in WebNN's float32");
  if (!refusal().empty()) return counting(Dtype::kI32, {rows}, 0, 0);
  const auto same = [&](Operand a, Operand b) {
    return cast(calls_.call("equal", {a, b}, Dtype::kU8, shape(a)), Dtype::kF32);
  };
  const auto not_of = [&](Operand a) {
    return calls_.call("sub", {calls_.number(Dtype::kF32, 1), a}, Dtype::kF32, shape(a));
  };
  const Operand one = calls_.number(Dtype::kF32, 1), highest = reduce("reduceMax", x, 1);
  const Operand left = counting(Dtype::kF32, {1, columns}, static_cast<double>(columns), -1);
  const Operand most = reduce("reduceMax", binary("mul", same(x, highest), left), 1);
  const Operand ends = counting(Dtype::kF32, {rows, 1}, static_cast<double>(columns + 1), 0);
  // A NaN is not equal to itself, and infinities change when they are cut. reduceMax may pass a NaN over.
  const Dtype type = calls_.type(x);
  const double greatest = type == Dtype::kF16 ? 65504 : std::numeric_limits<float>::max();
  const Operand below = binary("min", highest, calls_.number(type, greatest));
  const Operand cut = binary("max", below, calls_.number(type, -greatest));
  const Operand nan = reduce("reduceMax", not_of(same(x, x)), 1);
  const Operand sound = binary("mul", same(highest, cut), not_of(nan));
  return reshape(cast(binary("sub", binary("mul", binary("sub", ends, most), sound), one), Dtype::kI32), {rows});
}

Operand Lowering::lower(const op::DistanceBias& op) {
  const Operand table = weight(op.table);
  const auto rows = distance_buckets(op, shape(table)[0]);
  const Operand numbers = calls_.numbers(Dtype::kI32, {op.distances}, {rows.begin(), rows.end()});
  return transpose(gather(table, numbers), {1, 0});
}

/// Pieces of lines first, then lines of patches: no call needs more than four dimensions.
Operand Lowering::lower(const op::Patches& op) {
  const Shape pixels = shape_of(op.pixels);
  const std::int64_t b = pixels[0], channels = pixels[1], size = op.size;
  const std::int64_t rows = graph_.bind(op.rows, shape_), columns = graph_.bind(op.columns, shape_);
  Operand x = reshape(value(op.pixels), {b * channels, pixels[2], pixels[3]});
  x = slice(x, {0, 0, 0}, {b * channels, rows * size, columns * size});
  x = transpose(reshape(x, {b * channels * rows, size, columns, size}), {0, 2, 1, 3});
  x = transpose(reshape(x, {b, channels, rows * columns, size * size}), {0, 2, 1, 3});
  return reshape(x, {b * rows * columns, channels * size * size});
}

Operand Lowering::cubic(std::int64_t from, std::int64_t to) {
  std::vector<double> matrix(static_cast<std::size_t>(from * to));
  const std::vector<Taps> taps = cubic_taps(from, to);
  for (std::size_t i = 0; i < taps.size(); ++i) {
    for (std::size_t k = 0; k < 4; ++k) {
      matrix[i * static_cast<std::size_t>(from) + static_cast<std::size_t>(taps[i].at[k])] += double{taps[i].weight[k]};
    }
  }
  return calls_.numbers(float_, {to, from}, matrix);
}

/// Interpolation is a product with a small matrix along each axis.
Operand Lowering::position_grid(const op::VisionEmbed& op) {
  const PositionTable table = position_table(graph_, op);
  const std::int64_t side = table.side, hidden = graph_.weight(op.position).shape[1];
  const std::int64_t rows = graph_.bind(op.rows, shape_), columns = graph_.bind(op.columns, shape_);
  Operand grid = slice(weight(op.position), {table.prefix, 0}, {side * side, hidden});
  if (rows == side && columns == side) return grid;
  grid = matmul(cubic(side, rows), reshape(grid, {side, side * hidden}));
  grid = transpose(reshape(grid, {rows, side, hidden}), {1, 0, 2});
  grid = matmul(cubic(side, columns), reshape(grid, {side, rows * hidden}));
  return reshape(transpose(reshape(grid, {columns, rows, hidden}), {1, 0, 2}), {rows * columns, hidden});
}

/// Patches and their positions get zeros where the prefix comes, and the prefix zeros where they are.
Operand Lowering::lower(const op::VisionEmbed& op) {
  const Shape from = shape_of(op.x);
  const std::int64_t b = from[0], patches = from[1], hidden = from[2], n = position_table(graph_, op).prefix;
  Operand tokens = pad(position_grid(op), {n, 0}, {0, 0});
  if (op.prefix) {
    const Operand first = binary("add", weight(op.prefix), slice(weight(op.position), {0, 0}, {n, hidden}));
    tokens = binary("add", tokens, pad(first, {0, 0}, {patches, 0}));
  }
  const Operand x = pad(reshape(value(op.x), from), {0, n, 0}, {0, 0, 0});
  return reshape(binary("add", x, tokens), {b * (n + patches), hidden});
}

Operand Lowering::lower(const op::Rope& op) {
  calls_.refuse("WebNN computes in float32 at most, too little for the angles of far positions");
  return value(op.x);
}

}  // namespace

std::string declines(const Graph& graph, const Node& node, std::string_view limits_json, const LoadOptions& options) {
  for (const ValueId id : inputs_of(node.op)) {
    if (graph.value(id).state) return std::format("{}: WebNN keeps nothing between runs", op_name(node.op));
  }
  const Limits limits(limits_json);
  const auto refusal_at = [&](const ShapeClass& shape) {
    Lowering lowering(graph, shape, limits, options);
    for (auto id : inputs_of(node.op)) lowering.input(id);
    lowering.node(node);
    return lowering.refusal();
  };
  const ShapeClass even = typical_shape(graph, 2);
  ShapeClass odd = even;  // pictures of which patches leave a rest take other calls
  for (const Symbol& symbol : graph.symbols) {
    if (symbol.name == kHeight || symbol.name == kWidth) odd.set(symbol.name, 2 * even.at(symbol.name) - 1);
  }
  const std::string refusal = refusal_at(even);
  return refusal.empty() && odd != even ? refusal_at(odd) : refusal;
}

Result<std::string> lower(const Graph& graph, const ShapeClass& shape, std::string_view limits_json,
                          const LoadOptions& options) {
  const Limits limits(limits_json);
  Lowering lowering(graph, shape, limits, options);
  for (auto id : graph.inputs) lowering.input(id);
  for (const auto& node : graph.nodes) {
    if (written_state(node.op)) return fail(ErrorCode::kUnsupportedOp, "{}: WebNN keeps no states", node.name);
    lowering.node(node);
    if (!lowering.refusal().empty()) return fail(ErrorCode::kUnsupportedOp, "{}: {}", node.name, lowering.refusal());
  }
  for (auto id : graph.outputs) lowering.output(id);
  return std::move(lowering).finish().dump();
}

}  // namespace ipfs_accelerate::webnn
