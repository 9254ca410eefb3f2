// A shape class for questions whose answer does not depend on one: which nodes can run, how weights are to lie.
#pragma once

#include "graph/graph.h"

namespace ipfs_accelerate {

/// The smallest numbers: 1, or `tokens` where tokens are counted; larger where formulas would give less than 1.
ShapeClass typical_shape(const Graph& graph, std::int64_t tokens = 1);

}  // namespace ipfs_accelerate
