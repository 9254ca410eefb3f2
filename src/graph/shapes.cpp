// Shape rules: what each op needs of its inputs, and the dimensions of its output.
#include "graph/graph.h"

namespace ipfs_accelerate {
namespace {

using Dims = std::vector<Dim>;

/// Reads values and weights of one op; complaints start with the op's name.
class Rule {
 public:
  Rule(const Graph& graph, std::string_view op) : graph_(graph), op_(op) {}

  template <class... Args>
  std::unexpected<Error> wrong(std::format_string<Args...> format, Args&&... args) const {
    return fail(ErrorCode::kWrongShape, "{}: {}", op_, std::format(format, std::forward<Args>(args)...));
  }

  /// Dims of a value that must be there, with this dtype and rank (0: any).
  Result<Dims> value(ValueId id, std::string_view role, Dtype dtype, std::size_t rank) const {
    if (id < 0 || static_cast<std::size_t>(id) >= graph_.values.size()) return wrong("{} is missing", role);
    const Value& value = graph_.value(id);
    if (value.dtype != dtype) {
      return wrong("{} '{}' has dtype {}, {} is needed", role, value.name, dtype_name(value.dtype), dtype_name(dtype));
    }
    if (value.dims.empty() || (rank != 0 && value.dims.size() != rank)) {
      return wrong("{} '{}' has shape {}, rank {} is needed", role, value.name, dims_text(value.dims), rank);
    }
    return value.dims;
  }

  /// An optional value must have exactly these dims.
  Result<> optional_value(ValueId id, std::string_view role, Dtype dtype, const Dims& dims) const {
    if (id == kNoValue) return {};
    IA_ASSIGN(Dims actual, value(id, role, dtype, 0));
    if (actual != dims) {
      return wrong("{} '{}' has shape {}, {} is needed", role, graph_.value(id).name, dims_text(actual),
                   dims_text(dims));
    }
    return {};
  }

  Result<Shape> matrix(WeightId id, std::string_view role) const {
    IA_ASSIGN(const Weight* weight, find(id, role));
    if (weight->shape.size() != 2 || weight->shape[0] < 1 || weight->shape[1] < 1) {
      return wrong("{} '{}' has shape {}, a matrix is needed", role, weight->name, shape_text(weight->shape));
    }
    return weight->shape;
  }

  Result<> optional_vector(WeightId id, std::string_view role, std::int64_t size) const {
    if (id == kNoWeight) return {};
    IA_ASSIGN(const Weight* weight, find(id, role));
    if (weight->shape != Shape{size}) {
      return wrong("{} '{}' has shape {}, [{}] is needed", role, weight->name, shape_text(weight->shape), size);
    }
    return {};
  }

  /// Size of the last dimension, which must be a number.
  Result<std::int64_t> columns(const Dims& dims, std::string_view role) const {
    if (dims.back().symbol != Symbol::kNone) return wrong("{} has no fixed last dimension: {}", role, dims_text(dims));
    return dims.back().size;
  }

 private:
  Result<const Weight*> find(WeightId id, std::string_view role) const {
    if (id < 0 || static_cast<std::size_t>(id) >= graph_.weights.size()) return wrong("{} is missing", role);
    return &graph_.weight(id);
  }

  const Graph& graph_;
  std::string_view op_;
};

/// A lookup needs both its ids and its table, or neither; tables have `hidden` columns.
Result<> check_lookup(const Rule& rule, ValueId ids, WeightId table, std::string_view role, const Dims& dims,
                      std::int64_t hidden) {
  if ((ids == kNoValue) != (table == kNoWeight)) return rule.wrong("{} needs both its ids and its table", role);
  if (ids == kNoValue) return {};
  IA_TRY(rule.optional_value(ids, role, Dtype::kI32, dims));
  IA_ASSIGN(Shape shape, rule.matrix(table, role));
  if (shape[1] != hidden) return rule.wrong("{} table has {} columns, word table has {}", role, shape[1], hidden);
  return {};
}

Result<Dims> infer_op(const Rule& rule, const op::Embed& op) {
  IA_ASSIGN(Dims dims, rule.value(op.ids, "ids", Dtype::kI32, 2));
  IA_ASSIGN(Shape word, rule.matrix(op.word, "word table"));
  IA_TRY(check_lookup(rule, op.position_ids, op.position, "position", dims, word[1]));
  IA_TRY(check_lookup(rule, op.type_ids, op.type, "type", dims, word[1]));
  IA_TRY(rule.optional_vector(op.gamma, "gamma", word[1]));
  IA_TRY(rule.optional_vector(op.beta, "beta", word[1]));
  if (op.beta != kNoWeight && op.gamma == kNoWeight) return rule.wrong("beta without gamma");
  return Dims{dims[0], dims[1], dim(word[1])};
}

Result<Dims> infer_op(const Rule& rule, const op::Linear& op) {
  IA_ASSIGN(Dims dims, rule.value(op.x, "x", Dtype::kF32, 0));
  IA_ASSIGN(std::int64_t columns, rule.columns(dims, "x"));
  IA_ASSIGN(Shape weight, rule.matrix(op.weight, "weight"));
  if (columns != weight[1])
    return rule.wrong("x has {} columns, weight {} needs {}", columns, shape_text(weight), weight[1]);
  dims.back() = dim(weight[0]);
  IA_TRY(rule.optional_vector(op.bias, "bias", weight[0]));
  IA_TRY(rule.optional_value(op.residual, "residual", Dtype::kF32, dims));
  return dims;
}

Result<Dims> infer_op(const Rule& rule, const op::LayerNorm& op) {
  IA_ASSIGN(Dims dims, rule.value(op.x, "x", Dtype::kF32, 0));
  IA_ASSIGN(std::int64_t columns, rule.columns(dims, "x"));
  if (op.gamma == kNoWeight) return rule.wrong("gamma is missing");
  IA_TRY(rule.optional_vector(op.gamma, "gamma", columns));
  IA_TRY(rule.optional_vector(op.beta, "beta", columns));
  IA_TRY(rule.optional_value(op.residual, "residual", Dtype::kF32, dims));
  return dims;
}

Result<Dims> infer_op(const Rule& rule, const op::Attention& op) {
  IA_ASSIGN(Dims dims, rule.value(op.qkv, "qkv", Dtype::kF32, 3));
  IA_ASSIGN(std::int64_t columns, rule.columns(dims, "qkv"));
  if (op.heads < 1 || op.head_dim < 1) return rule.wrong("{} heads of {} columns", op.heads, op.head_dim);
  const std::int64_t hidden = std::int64_t{op.heads} * op.head_dim;
  if (columns != 3 * hidden)
    return rule.wrong("qkv has {} columns, 3 x {} x {} are needed", columns, op.heads, op.head_dim);
  IA_TRY(rule.optional_value(op.mask, "mask", Dtype::kI32, {dims[0], dims[1]}));
  IA_TRY(rule.optional_value(op.bias, "bias", Dtype::kF32, {dim(op.heads), dims[1], dims[1]}));
  return Dims{dims[0], dims[1], dim(hidden)};
}

Result<Dims> infer_op(const Rule& rule, const op::RelativeBias& op) {
  IA_ASSIGN(Shape table, rule.matrix(op.table, "table"));
  if (op.buckets < 4 || table[0] != op.buckets)
    return rule.wrong("table {} for {} buckets", shape_text(table), op.buckets);
  const std::int32_t exact = op.buckets / (op.bidirectional ? 4 : 2);
  if (op.max_distance <= exact) return rule.wrong("max_distance {} is not above {}", op.max_distance, exact);
  return Dims{dim(table[1]), kSequenceDim, kSequenceDim};
}

Result<Dims> infer_op(const Rule& rule, const op::Pool& op) {
  IA_ASSIGN(Dims dims, rule.value(op.x, "x", Dtype::kF32, 3));
  IA_TRY(rule.optional_value(op.mask, "mask", Dtype::kI32, {dims[0], dims[1]}));
  return Dims{dims[0], dims[2]};
}

Result<Dims> infer_op(const Rule& rule, const op::Normalize& op) { return rule.value(op.x, "x", Dtype::kF32, 0); }

Result<Dims> infer_op(const Rule& rule, const op::SelectRows& op) {
  IA_ASSIGN(Dims dims, rule.value(op.x, "x", Dtype::kF32, 3));
  IA_ASSIGN(Dims rows, rule.value(op.rows, "rows", Dtype::kI32, 1));
  return Dims{rows[0], dims[2]};
}

}  // namespace

Result<std::vector<Dim>> infer(const Graph& graph, const Op& op) {
  const Rule rule(graph, op_name(op));
  return std::visit([&](const auto& o) { return infer_op(rule, o); }, op);
}

}  // namespace ipfs_accelerate
