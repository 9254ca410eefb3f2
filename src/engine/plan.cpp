// make_plan(): which nodes run on which backend.
#include "engine/plan.h"

#include <algorithm>

namespace ipfs_accelerate {
namespace {

/// Adds a reason to a segment's list, once.
void add_reason(std::string& reasons, const std::string& reason) {
  if (reason.empty() || reasons.contains(reason)) return;
  reasons += (reasons.empty() ? "" : "; ") + reason;
}

Segment whole(const Part& part, std::string platform, std::string reason) {
  return {part.name, std::move(platform), std::make_shared<const Graph>(part.graph), std::move(reason), part.on_demand};
}

void split(const Part& part, const std::string& preferred, const Declines& declines, Plan& plan) {
  const Graph& graph = part.graph;
  std::size_t begin = 0;
  std::string platform, reasons;
  const auto close = [&](std::size_t end) {
    if (end > begin) {
      plan.segments.push_back(
          {part.name, platform, std::make_shared<const Graph>(slice(graph, begin, end)), reasons, part.on_demand});
    }
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
}

/// Why the parts with states cannot be on the preferred backend.
std::string declined_with_states(const std::vector<Part>& parts, const Declines& declines) {
  std::string reasons;
  for (const Part& part : parts) {
    if (used_states(part.graph).empty()) continue;
    for (const Node& node : part.graph.nodes) add_reason(reasons, declines(part.graph, node));
  }
  return reasons;
}

}  // namespace

std::vector<const Segment*> Plan::of_part(std::string_view part) const {
  std::vector<const Segment*> found;
  for (const Segment& segment : segments) {
    if (segment.part == part) found.push_back(&segment);
  }
  return found;
}

std::shared_ptr<const Graph> Plan::on(std::string_view platform) const {
  std::vector<const Graph*> graphs;
  for (const Segment& segment : segments) {
    if (segment.platform == platform) graphs.push_back(segment.graph.get());
  }
  return graphs.empty() ? nullptr : std::make_shared<const Graph>(join(graphs));
}

Plan make_plan(const std::vector<Part>& parts, const std::string& preferred, const Declines& declines) {
  Plan plan;
  const std::string stateful = preferred == "cpu" ? "" : declined_with_states(parts, declines);
  for (const Part& part : parts) {
    if (preferred == "cpu") {
      plan.segments.push_back(whole(part, "cpu", ""));
    } else if (!used_states(part.graph).empty()) {
      plan.segments.push_back(whole(part, stateful.empty() ? preferred : "cpu", stateful));
    } else {
      split(part, preferred, declines, plan);
    }
  }
  return plan;
}

}  // namespace ipfs_accelerate
