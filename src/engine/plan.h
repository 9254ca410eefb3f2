// Plan: which nodes of a model's parts run on which backend.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace ipfs_accelerate {

/// A contiguous run of nodes of a part on one backend.
struct Segment {
  std::string part;
  std::string platform;  ///< "webgpu", "webnn", "cpu"
  std::shared_ptr<const Graph> graph;
  std::string reason;      ///< why these nodes are not on the preferred backend; empty when they are
  bool on_demand = false;  ///< as its part
};
struct Plan {
  std::vector<Segment> segments;  ///< part by part, in order

  std::vector<const Segment*> of_part(std::string_view part) const;
  /// All that runs on a platform, as one graph; null when nothing does.
  std::shared_ptr<const Graph> on(std::string_view platform) const;
};
/// Says why a backend declines a node of the graph; empty when it takes it.
using Declines = std::function<std::string(const Graph&, const Node&)>;
/// Gives every node to `preferred`, and what it declines to the CPU. Parts with states are not split: one node declined
/// is all of them declined, in every part that has states, since states lie on one device.
Plan make_plan(const std::vector<Part>& parts, const std::string& preferred, const Declines& declines);

}  // namespace ipfs_accelerate
