// GraphBuilder: checks each step and keeps the first mistake.
#include <algorithm>

#include "graph/graph.h"

namespace ipfs_accelerate {

void GraphBuilder::fail(Error error) {
  if (!error_) error_ = std::move(error);
}

ValueId GraphBuilder::input(std::string name, Dtype dtype, std::vector<Dim> dims) {
  if (dtype != Dtype::kF32 && dtype != Dtype::kI32) {
    fail({ErrorCode::kInternal, std::format("graph input '{}' has dtype {}", name, dtype_name(dtype))});
    return kNoValue;
  }
  if (graph_.find(name) != kNoValue) {
    fail({ErrorCode::kInternal, std::format("two graph values are called '{}'", name)});
    return kNoValue;
  }
  const auto id = static_cast<ValueId>(graph_.values.size());
  graph_.values.push_back({std::move(name), dtype, std::move(dims)});
  graph_.inputs.push_back(id);
  return id;
}

WeightId GraphBuilder::weight(const std::string& name, Shape shape) { return stack({name}, std::move(shape)); }

WeightId GraphBuilder::stack(std::vector<std::string> names, Shape shape) {
  if (names.empty()) {
    fail({ErrorCode::kInternal, "a weight is made of no tensors"});
    return kNoWeight;
  }
  auto found = std::ranges::find(graph_.weights, names, &Weight::parts);
  if (found != graph_.weights.end()) {
    if (found->shape != shape) {
      fail({ErrorCode::kWrongShape, std::format("weight '{}' is used with shape {} and with {}", found->name,
                                                shape_text(found->shape), shape_text(shape))});
    }
    return static_cast<WeightId>(found - graph_.weights.begin());
  }
  std::string name = names.front();
  for (std::size_t i = 1; i < names.size(); ++i) name += "+" + names[i];
  graph_.weights.push_back({std::move(name), std::move(names), std::move(shape)});
  return static_cast<WeightId>(graph_.weights.size() - 1);
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
  const auto id = static_cast<ValueId>(graph_.values.size());
  graph_.values.push_back({node_name, Dtype::kF32, *std::move(dims)});
  graph_.nodes.push_back({std::move(node_name), std::move(op), id});
  return id;
}

void GraphBuilder::output(ValueId value, std::string name) {
  if (error_) return;
  if (value < 0 || static_cast<std::size_t>(value) >= graph_.values.size() ||
      std::ranges::contains(graph_.outputs, value) || std::ranges::contains(graph_.inputs, value)) {
    fail({ErrorCode::kInternal, std::format("value {} cannot become output '{}'", value, name)});
    return;
  }
  Value& made = graph_.values[static_cast<std::size_t>(value)];
  if (made.name != name && graph_.find(name) != kNoValue) {
    fail({ErrorCode::kInternal, std::format("two graph values are called '{}'", name)});
    return;
  }
  made.name = std::move(name);
  graph_.outputs.push_back(value);
}

Result<Graph> GraphBuilder::finish() {
  if (error_) return std::unexpected(*std::move(error_));
  if (graph_.outputs.empty()) return ipfs_accelerate::fail(ErrorCode::kInternal, "the graph has no outputs");
  return std::move(graph_);
}

}  // namespace ipfs_accelerate
