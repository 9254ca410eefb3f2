// Questions asked of a graph: names, weights in use.
#include "graph/graph.h"

#include <algorithm>
#include <set>

namespace ipfs_accelerate {

std::string ShapeClass::text() const {
  std::string text;
  const auto add = [&](std::string_view word, const auto& rest) {
    text += std::format("{}{} {}", text.empty() ? "" : ", ", word, rest);
  };
  for (const auto& [name, number] : numbers_) add(name, number);
  for (const std::string& input : absent_) add("without", input);
  return text;
}

std::vector<WeightId> used_weights(const Graph& graph) {
  std::set<WeightId> ids;
  for (const Node& node : graph.nodes) ids.insert_range(weights_of(node.op));
  return {ids.begin(), ids.end()};
}

Graph join(const std::vector<const Graph*>& graphs) {
  Graph joined = *graphs.front();
  const auto add = [](std::vector<ValueId>& to, const std::vector<ValueId>& ids) {
    for (const ValueId id : ids) {
      if (!std::ranges::contains(to, id)) to.push_back(id);
    }
  };
  for (std::size_t i = 1; i < graphs.size(); ++i) {
    joined.nodes.append_range(graphs[i]->nodes);
    add(joined.inputs, graphs[i]->inputs);
    add(joined.outputs, graphs[i]->outputs);
  }
  return joined;
}

std::vector<StateId> used_states(const Graph& graph) {
  std::set<StateId> ids;
  const auto add = [&](ValueId id) {
    if (const StateId state = graph.value(id).state) ids.insert(state);
  };
  for (const Node& node : graph.nodes) {
    for (const ValueId id : inputs_of(node.op)) add(id);
  }
  return {ids.begin(), ids.end()};
}

ValueId Graph::find(std::string_view value_name) const {
  const auto found = std::ranges::find(values, value_name, &Value::name);
  return found == values.end() ? kNoValue : id_of<ValueId>(static_cast<std::size_t>(found - values.begin()));
}

}  // namespace ipfs_accelerate
