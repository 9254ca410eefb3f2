// The reference interpreter: every op in plain loops and double precision. The oracle of golden and conformance tests.
#pragma once

#include <map>

#include "graph/graph.h"

namespace ipfs_accelerate {

/// What states hold from run to run.
using ReferenceStates = std::map<StateId, std::vector<double>>;

/// Runs `graph`. weights: f32, by WeightId, stacked; those no node reads may be empty. inputs and the result are in the
/// order of graph.inputs and graph.outputs; outputs are f32, or i32 where the graph says so. kWrongShape names the
/// tensor that does not fit. States begin as zeros, and live in `states` where given.
Result<std::vector<Tensor>> run_reference(const Graph& graph, const ShapeClass& shape,
                                          const std::vector<Tensor>& weights, const std::vector<Tensor>& inputs,
                                          ReferenceStates* states = nullptr);

}  // namespace ipfs_accelerate
