// slice(): a run of nodes as a graph of its own.
#include <algorithm>
#include <iterator>
#include <set>

#include "graph/graph.h"

namespace ipfs_accelerate {
namespace {

/// Ids of `wanted`: those in `first` in its order, then the others ascending.
std::vector<ValueId> ordered(const std::set<ValueId>& wanted, const std::vector<ValueId>& first) {
  std::vector<ValueId> result;
  for (ValueId id : first) {
    if (wanted.contains(id)) result.push_back(id);
  }
  for (ValueId id : wanted) {
    if (!std::ranges::contains(first, id)) result.push_back(id);
  }
  return result;
}

}  // namespace

Graph slice(const Graph& graph, std::size_t begin, std::size_t end) {
  std::set<ValueId> made, read, read_later;
  for (std::size_t i = begin; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (i < end && !graph.value(node.output).state) made.insert(node.output);
    for (ValueId id : inputs_of(node.op)) {
      if (!graph.value(id).state) (i < end ? read : read_later).insert(id);
    }
  }
  std::set<ValueId> in, out;
  std::ranges::set_difference(read, made, std::inserter(in, in.end()));
  for (ValueId id : made) {
    if (read_later.contains(id) || std::ranges::contains(graph.outputs, id)) out.insert(id);
  }
  Graph part{graph.symbols,
             graph.values,
             graph.weights,
             graph.states,
             {},
             ordered(in, graph.inputs),
             ordered(out, graph.outputs)};
  const auto first = graph.nodes.begin();
  part.nodes.assign(first + static_cast<std::ptrdiff_t>(begin),
                    first + static_cast<std::ptrdiff_t>(std::min(end, graph.nodes.size())));
  return part;
}

}  // namespace ipfs_accelerate
