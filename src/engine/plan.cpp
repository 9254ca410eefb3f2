// make_plan(): which nodes run on which backend.
#include <algorithm>

#include "engine/pipeline.h"

namespace ipfs_accelerate {
namespace {

/// Adds a reason to a segment's list, once.
void add_reason(std::string& reasons, const std::string& reason) {
  if (reason.empty() || reasons.contains(reason)) return;
  reasons += (reasons.empty() ? "" : "; ") + reason;
}

}  // namespace

Plan make_plan(const Graph& graph, const std::string& preferred, const Declines& declines) {
  if (preferred == "cpu") return {{{"cpu", graph, ""}}};
  Plan plan;
  std::size_t begin = 0;
  std::string platform, reasons;
  const auto close = [&](std::size_t end) {
    if (end > begin) plan.segments.push_back({platform, slice(graph, begin, end), reasons});
    begin = end;
    reasons.clear();
  };
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const std::string reason = declines(graph, graph.nodes[i]);
    const std::string& wanted = reason.empty() ? preferred : "cpu";
    if (wanted != platform) close(i);
    platform = wanted;
    add_reason(reasons, reason);
  }
  close(graph.nodes.size());
  return plan;
}

}  // namespace ipfs_accelerate
