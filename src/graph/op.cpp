// What follows from the fields of an op.
#include "graph/op.h"

#include <algorithm>

#include "graph/rule.h"

namespace ipfs_accelerate {
namespace {

template <class IdType>
std::vector<IdType> present(const Op& op) {
  std::vector<IdType> found;
  const auto add = [&](IdType id) {
    if (id && !std::ranges::contains(found, id)) found.push_back(id);
  };
  const auto visit = [&]<class Field>(std::string_view, const Field& field) {
    if constexpr (std::is_same_v<Field, IdType>) {
      add(field);
    } else if constexpr (std::is_same_v<Field, Columns> && std::is_same_v<IdType, ValueId>) {
      add(field.value);
    } else if constexpr (std::is_same_v<Field, Paging> && std::is_same_v<IdType, ValueId>) {
      for (const auto id : {field.table, field.lengths, field.counts}) add(id);
    }
  };
  std::visit([&]<class T>(const T& one) { T::fields(one, visit); }, op);
  return found;
}

}  // namespace

std::string_view op_name(const Op& op) {
  return std::visit([]<class T>(const T&) { return T::kName; }, op);
}

Dtype output_dtype(const Op& op) {
  const auto dtype_of = []<class T>(const T&) {
    if constexpr (requires { T::kOutput; }) {
      return Dtype{T::kOutput};
    } else {
      return Dtype::kF32;
    }
  };
  return std::visit(dtype_of, op);
}

std::vector<ValueId> inputs_of(const Op& op) { return present<ValueId>(op); }
std::vector<WeightId> weights_of(const Op& op) { return present<WeightId>(op); }

Op without(Op op, const std::vector<ValueId>& values) {
  const auto drop = [&](ValueId& id) {
    if (std::ranges::contains(values, id)) id = kNoValue;
  };
  const auto visit = [&]<class Field>(std::string_view, Field& field) {
    if constexpr (std::is_same_v<Field, ValueId>) {
      drop(field);
    } else if constexpr (std::is_same_v<Field, Columns>) {
      drop(field.value);
    } else if constexpr (std::is_same_v<Field, Paging>) {
      for (ValueId* const id : {&field.table, &field.lengths, &field.counts}) drop(*id);
    }
  };
  std::visit([&]<class T>(T& one) { T::fields(one, visit); }, op);
  return op;
}

ValueId written_state(const Op& op) {
  const auto state = []<class T>(const T& one) {
    if constexpr (requires { one.state; }) return one.state;
    return kNoValue;
  };
  return std::visit(state, op);
}

Result<std::vector<Dim>> infer(const Graph& graph, const Op& op) {
  return std::visit([&](const auto& one) { return one.infer(Rule(graph, op_name(op))); }, op);
}

}  // namespace ipfs_accelerate
