// What the self-check computes: a tiny model of three parts, which together have every operation there is.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace ipfs_accelerate {

using CheckedValues = std::map<std::string, Tensor>;  ///< by their names in the graph

struct CheckedRun {
  ShapeClass shape;
  CheckedValues inputs;
};

/// Runs follow each other, and find the states as those before left them.
struct CheckedPart {
  std::string name;
  Graph graph;
  std::vector<CheckedRun> runs;
};

/// "encoder", "picture" and "decoder". They share their tables, so that a device compiles kernels once that several
/// use.
Result<std::vector<CheckedPart>> self_check_parts();

/// The numbers of a weight of theirs.
Tensor self_check_weight(const Graph& graph, WeightId id);

}  // namespace ipfs_accelerate
