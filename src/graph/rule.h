// Rule: what the shape rule of an op reads of the graph; complaints start with the op's name.
#pragma once

#include "graph/graph.h"

namespace ipfs_accelerate {

using Dims = std::vector<Dim>;

class Rule {
 public:
  Rule(const Graph& graph, std::string_view op) : graph_(graph), op_(op) {}

  template <class... Args>
  std::unexpected<Error> wrong(std::format_string<Args...> format, Args&&... args) const {
    return fail(ErrorCode::kWrongShape, "{}: {}", op_, std::format(format, std::forward<Args>(args)...));
  }

  /// Dims of a value that must be there, with this dtype and rank (0: any).
  Result<Dims> value(ValueId id, std::string_view role, Dtype dtype, std::size_t rank) const {
    if (!id || id.index() >= graph_.values.size()) return wrong("{} is missing", role);
    const Value& value = graph_.value(id);
    if (value.dtype != dtype) {
      return wrong("{} '{}' has dtype {}, {} is needed", role, value.name, dtype_name(value.dtype), dtype_name(dtype));
    }
    if (value.dims.empty() || (rank != 0 && value.dims.size() != rank)) {
      return wrong("{} '{}' has shape {}, rank {} is needed", role, value.name, graph_.dims_text(value.dims), rank);
    }
    return value.dims;
  }

  /// An optional value must have exactly these dims.
  Result<> optional_value(ValueId id, std::string_view role, Dtype dtype, const Dims& dims) const {
    if (!id) return {};
    IA_ASSIGN(Dims actual, value(id, role, dtype, 0));
    if (actual != dims) {
      return wrong("{} '{}' has shape {}, {} is needed", role, graph_.value(id).name, graph_.dims_text(actual),
                   graph_.dims_text(dims));
    }
    return {};
  }

  /// Dims of a state: [pages, rows of a page, columns].
  Result<Dims> state(ValueId id) const {
    IA_ASSIGN(Dims dims, value(id, "state", Dtype::kF32, 3));
    if (!graph_.value(id).state) return wrong("'{}' is no state", graph_.value(id).name);
    return dims;
  }

  /// `width` columns from columns.first on.
  Result<> range(const Columns& columns, std::string_view role, std::int64_t width) const {
    IA_ASSIGN(const std::int64_t all, this->columns(graph_.value(columns.value).dims, role));
    if (columns.first >= 0 && columns.first + width <= all) return {};
    return wrong("{} has {} columns, {} from number {} on are needed", role, all, width, columns.first);
  }

  Result<> paging(const Paging& paging, const Dim& batch) const {
    IA_ASSIGN(const Dims table, value(paging.table, "page table", Dtype::kI32, 2));
    if (table[0] != batch) return wrong("the page table has other sequences");
    IA_TRY(value(paging.lengths, "lengths", Dtype::kI32, 1));
    IA_TRY(optional_value(paging.lengths, "lengths", Dtype::kI32, {batch}));
    return optional_value(paging.counts, "counts", Dtype::kI32, {batch});
  }
  bool is_state(ValueId id) const { return id && graph_.value(id).state; }

  /// `dim` must be a symbol of the graph with this formula.
  Result<> follows(const Dim& dim, const Formula& formula, std::string_view role) const {
    if (dim.symbol && dim.symbol.index() < graph_.symbols.size() && graph_.symbol(dim.symbol).formula == formula) {
      return {};
    }
    return wrong("{} are not {}", role, graph_.formula_text(formula));
  }

  Result<Shape> matrix(WeightId id, std::string_view role) const {
    IA_ASSIGN(const Weight* weight, find(id, role));
    if (weight->shape.size() != 2 || weight->shape[0] < 1 || weight->shape[1] < 1) {
      return wrong("{} '{}' has shape {}, a matrix is needed", role, weight->name, shape_text(weight->shape));
    }
    return weight->shape;
  }

  Result<> optional_vector(WeightId id, std::string_view role, std::int64_t size) const {
    if (!id) return {};
    IA_ASSIGN(const Weight* weight, find(id, role));
    if (weight->shape != Shape{size}) {
      return wrong("{} '{}' has shape {}, [{}] is needed", role, weight->name, shape_text(weight->shape), size);
    }
    return {};
  }

  /// Size of the last dimension, which must be a number.
  Result<std::int64_t> columns(const Dims& dims, std::string_view role) const {
    if (dims.back().symbol) return wrong("{} has no fixed last dimension: {}", role, graph_.dims_text(dims));
    return dims.back().size;
  }

 private:
  Result<const Weight*> find(WeightId id, std::string_view role) const {
    if (!id || id.index() >= graph_.weights.size()) return wrong("{} is missing", role);
    return &graph_.weight(id);
  }

  const Graph& graph_;
  std::string_view op_;
};

}  // namespace ipfs_accelerate
