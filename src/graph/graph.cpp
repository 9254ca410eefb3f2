// Questions asked of a graph: names, weights in use.
#include "graph/graph.h"

#include <algorithm>
#include <set>

namespace ipfs_accelerate {

std::string ShapeClass::text() const {
  std::string text;
  for (const auto& [name, number] : numbers_) text += std::format("{}{} {}", text.empty() ? "" : ", ", name, number);
  return text;
}

std::vector<WeightId> used_weights(const Graph& graph) {
  std::set<WeightId> ids;
  for (const Node& node : graph.nodes) ids.insert_range(weights_of(node.op));
  return {ids.begin(), ids.end()};
}

ValueId Graph::find(std::string_view value_name) const {
  const auto found = std::ranges::find(values, value_name, &Value::name);
  return found == values.end() ? kNoValue : id_of<ValueId>(static_cast<std::size_t>(found - values.begin()));
}

}  // namespace ipfs_accelerate
