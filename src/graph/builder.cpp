// GraphBuilder: checks each step and keeps the first mistake.
#include <algorithm>
#include <cstdlib>
#include <utility>

#include "graph/graph.h"

namespace ipfs_accelerate {
namespace {

/// Of numbers in a formula: far beyond any kernel, stride or padding.
constexpr std::int64_t kMostInFormula = std::int64_t{1} << 31;

/// A formula reads symbols of the table, so none reads itself.
bool can_be(const Formula& formula, std::size_t symbols) {
  const auto small = [](std::int64_t number) { return std::abs(number) <= kMostInFormula; };
  return small(formula.plus) && std::ranges::all_of(formula.factors, [&](const Factor& factor) {
           return (!factor.of.symbol || factor.of.symbol.index() < symbols) && factor.divide >= 1 &&
                  small(factor.divide) && small(factor.add) && small(factor.of.size);
         });
}

}  // namespace

void GraphBuilder::fail(Error error) {
  if (!error_) error_ = std::move(error);
}

Dim GraphBuilder::symbol(Symbol wanted) {
  auto& symbols = graph_.symbols;
  const auto found = std::ranges::find(symbols, wanted.name, &Symbol::name);
  const auto at = static_cast<std::size_t>(found - symbols.begin());
  if (found == symbols.end()) {
    if (!can_be(wanted.formula, symbols.size())) {
      fail({ErrorCode::kInternal, std::format("symbol '{}' has a formula that cannot be computed", wanted.name)});
      wanted.formula = {};
    }
    symbols.push_back(std::move(wanted));
  } else if (found->formula != wanted.formula) {
    fail({ErrorCode::kInternal, std::format("symbol '{}' has two formulas", wanted.name)});
  }
  return {id_of<SymbolId>(at), 0};
}

ValueId GraphBuilder::input(std::string name, Dtype dtype, std::vector<Dim> dims, Growth growth) {
  return add_input({std::move(name), dtype, std::move(dims), std::move(growth)});
}

ValueId GraphBuilder::optional_input(std::string name, Dtype dtype, std::vector<Dim> dims, Growth growth) {
  return add_input({std::move(name), dtype, std::move(dims), std::move(growth), {}, /*optional=*/true});
}

ValueId GraphBuilder::add_input(Value wanted) {
  if (wanted.dtype != Dtype::kF32 && wanted.dtype != Dtype::kI32) {
    fail({ErrorCode::kInternal, std::format("graph input '{}' has dtype {}", wanted.name, dtype_name(wanted.dtype))});
    return kNoValue;
  }
  if (graph_.find(wanted.name) != kNoValue) return input_again(wanted);
  const auto id = id_of<ValueId>(graph_.values.size());
  graph_.values.push_back(std::move(wanted));
  graph_.inputs.push_back(id);
  return id;
}

ValueId GraphBuilder::input_again(const Value& wanted) {
  const ValueId id = graph_.find(wanted.name);
  const Value& value = graph_.value(id);
  const auto has = [&](const Part& part) { return std::ranges::contains(part.graph.inputs, id); };
  const bool same = value.dtype == wanted.dtype && value.dims == wanted.dims && value.optional == wanted.optional;
  if (!same || std::ranges::contains(graph_.inputs, id) || std::ranges::none_of(parts_, has)) {
    fail({ErrorCode::kInternal, std::format("two graph values are called '{}'", wanted.name)});
    return kNoValue;
  }
  graph_.inputs.push_back(id);
  return id;
}

WeightId GraphBuilder::weight(const std::string& name, Shape shape, Stored stored) {
  return stack({name}, std::move(shape), stored);
}

WeightId GraphBuilder::stack(std::vector<std::string> names, Shape shape, Stored stored) {
  if (names.empty()) {
    fail({ErrorCode::kInternal, "a weight is made of no tensors"});
    return kNoWeight;
  }
  auto found = std::ranges::find(graph_.weights, names, &Weight::parts);
  if (found != graph_.weights.end()) {
    if (found->shape != shape || found->stored != stored) {
      fail({ErrorCode::kWrongShape, std::format("weight '{}' is used with shape {} and with {}", found->name,
                                                shape_text(found->shape), shape_text(shape))});
    }
    return id_of<WeightId>(static_cast<std::size_t>(found - graph_.weights.begin()));
  }
  std::string name = names.front();
  for (std::size_t i = 1; i < names.size(); ++i) name += "+" + names[i];
  graph_.weights.push_back({std::move(name), std::move(names), std::move(shape), stored});
  return id_of<WeightId>(graph_.weights.size() - 1);
}

ValueId GraphBuilder::state(std::string name, Symbol pages, std::int64_t columns) {
  const ValueId id = input(name, Dtype::kF32, {symbol(std::move(pages)), dim(kPageRows), dim(columns)});
  if (!id) return id;
  graph_.inputs.pop_back();
  graph_.values[id.index()].state = id_of<StateId>(graph_.states.size());
  graph_.states.push_back({std::move(name), id});
  return id;
}

ValueId GraphBuilder::add(std::string node_name, Op op) {
  if (error_) return kNoValue;  // later mistakes would only follow from the first
  auto dims = infer(graph_, op);
  if (!dims) {
    fail({dims.error().code, std::format("while adding node '{}': {}", node_name, dims.error().message)});
    return kNoValue;
  }
  if (graph_.find(node_name) != kNoValue) {
    fail({ErrorCode::kInternal, std::format("two graph values are called '{}'", node_name)});
    return kNoValue;
  }
  const auto id = id_of<ValueId>(graph_.values.size());
  graph_.values.push_back({node_name, output_dtype(op), *std::move(dims)});
  if (const ValueId state = written_state(op)) graph_.values.back().state = graph_.value(state).state;
  graph_.nodes.push_back({std::move(node_name), std::move(op), id});
  return id;
}

void GraphBuilder::output(ValueId value, std::string name) {
  if (error_) return;
  if (!value || value.index() >= graph_.values.size() || std::ranges::contains(graph_.outputs, value) ||
      std::ranges::contains(graph_.inputs, value) || graph_.value(value).state) {
    fail({ErrorCode::kInternal, std::format("value {} cannot become output '{}'", value.number, name)});
    return;
  }
  Value& made = graph_.values[value.index()];
  if (made.name != name && graph_.find(name) != kNoValue) {
    fail({ErrorCode::kInternal, std::format("two graph values are called '{}'", name)});
    return;
  }
  made.name = std::move(name);
  graph_.outputs.push_back(value);
}

void GraphBuilder::end_part(std::string name, bool on_demand) {
  const auto writes = [](const Node& node) { return bool(written_state(node.op)); };
  if (graph_.outputs.empty() && std::ranges::none_of(graph_.nodes, writes)) {
    fail({ErrorCode::kInternal, std::format("the graph of part '{}' has no outputs", name)});
  }
  Graph part;
  part.nodes = std::exchange(graph_.nodes, {});
  part.inputs = std::exchange(graph_.inputs, {});
  part.outputs = std::exchange(graph_.outputs, {});
  parts_.push_back({std::move(name), std::move(part), on_demand});
}

Result<std::vector<Part>> GraphBuilder::finish_parts() {
  if (error_) return std::unexpected(*std::move(error_));
  for (Part& part : parts_) {
    part.graph.symbols = graph_.symbols;
    part.graph.values = graph_.values;
    part.graph.weights = graph_.weights;
    part.graph.states = graph_.states;
  }
  return std::move(parts_);
}

Result<Graph> GraphBuilder::finish() {
  end_part("model");
  IA_ASSIGN(auto parts, finish_parts());
  return std::move(parts.front().graph);
}

}  // namespace ipfs_accelerate
