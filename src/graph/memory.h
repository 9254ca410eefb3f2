// Memory planner: where each value of a graph lies in one arena, reusing room once a value is dead.
#pragma once

#include "graph/graph.h"

namespace ipfs_accelerate {

struct MemoryPlan {
  std::vector<std::int64_t> offsets;  ///< per value, bytes; -1 for graph inputs and values never used
  std::int64_t arena_bytes = 0;
};

/// element_bytes: bytes of a float element (4, or 2 for f16 activations); i32 values are 4. Offsets are multiples of
/// alignment. Graph outputs stay alive to the end. An op's output never overlaps its inputs.
MemoryPlan plan_memory(const Graph& graph, const ShapeClass& shape, std::int64_t element_bytes, std::int64_t alignment);

}  // namespace ipfs_accelerate
