// present(): a graph without the optional inputs that a shape class leaves out.
#include <algorithm>

#include "graph/graph.h"

namespace ipfs_accelerate {
namespace {

Result<std::vector<ValueId>> absent_values(const Graph& graph, const ShapeClass& shape) {
  std::vector<ValueId> absent;
  for (const std::string& name : shape.absent()) {
    const ValueId id = graph.find(name);
    if (!id || !graph.value(id).optional) {
      return fail(ErrorCode::kInvalidArgument, "'{}' cannot be left out: it is no optional input of the model", name);
    }
    absent.push_back(id);
  }
  return absent;
}

/// The node's op without those of its inputs; its rule says whether it can do without them.
Result<> leave_out(const Graph& graph, const std::vector<ValueId>& absent, Node& node) {
  std::string lost;
  for (const ValueId id : inputs_of(node.op)) {
    if (std::ranges::contains(absent, id)) lost += (lost.empty() ? "" : ", ") + graph.value(id).name;
  }
  if (lost.empty()) return {};
  Op rest = without(node.op, absent);
  const auto dims = infer(graph, rest);
  if (!dims || *dims != graph.value(node.output).dims) {
    return fail(ErrorCode::kInvalidArgument, "'{}' cannot do without {}: {}", node.name, lost,
                dims ? "it gives " + graph.dims_text(*dims) + " then" : dims.error().message);
  }
  node.op = std::move(rest);
  return {};
}

}  // namespace

Result<Graph> present(const Graph& graph, const ShapeClass& shape) {
  IA_ASSIGN(const std::vector<ValueId> absent, absent_values(graph, shape));
  Graph rest = graph;
  std::erase_if(rest.inputs, [&](ValueId id) { return std::ranges::contains(absent, id); });
  for (Node& node : rest.nodes) IA_TRY(leave_out(graph, absent, node));
  return rest;
}

}  // namespace ipfs_accelerate
