// Memory planner: values placed largest first, each at the lowest offset free during its whole life.
#include "graph/memory.h"

#include <algorithm>

namespace ipfs_accelerate {
namespace {

struct Life {
  ValueId id;
  std::int64_t bytes = 0, offset = -1;
  std::size_t begin = 0, end = 0;  ///< nodes that write it first and read it last, both included
};

std::int64_t value_bytes(const Graph& graph, ValueId id, const ShapeClass& shape, std::int64_t element_bytes) {
  const std::int64_t count = element_count(graph.shape_of(id, shape)).value_or(std::int64_t{1} << 48);
  return count * (graph.value(id).dtype == Dtype::kF32 ? element_bytes : 4);
}

std::vector<Life> lives_of(const Graph& graph, const ShapeClass& shape, std::int64_t element_bytes) {
  std::vector<Life> lives;
  std::vector<std::size_t> slot(graph.values.size(), SIZE_MAX);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    for (ValueId id : inputs_of(node.op)) {
      const std::size_t at = slot[id.index()];
      if (at != SIZE_MAX) lives[at].end = i;
    }
    slot[node.output.index()] = lives.size();
    lives.push_back({node.output, value_bytes(graph, node.output, shape, element_bytes), -1, i, i});
  }
  for (ValueId id : graph.outputs) {
    const std::size_t at = slot[id.index()];
    if (at != SIZE_MAX) lives[at].end = graph.nodes.size();
  }
  return lives;
}

/// Lowest aligned offset where `life` meets none of `placed` (sorted by offset) that is alive at the same time.
std::int64_t lowest_offset(const Life& life, const std::vector<Life>& placed, std::int64_t alignment) {
  std::int64_t offset = 0;
  for (const Life& other : placed) {
    if (other.end < life.begin || life.end < other.begin) continue;
    if (offset + life.bytes <= other.offset) break;
    const std::int64_t after = (other.offset + other.bytes + alignment - 1) / alignment * alignment;
    offset = std::max(offset, after);
  }
  return offset;
}

}  // namespace

MemoryPlan plan_memory(const Graph& graph, const ShapeClass& shape, std::int64_t element_bytes,
                       std::int64_t alignment) {
  std::vector<Life> lives = lives_of(graph, shape, element_bytes);
  std::ranges::stable_sort(lives, std::greater{}, &Life::bytes);
  MemoryPlan plan{std::vector<std::int64_t>(graph.values.size(), -1), 0};
  std::vector<Life> placed;
  for (Life life : lives) {
    life.offset = lowest_offset(life, placed, alignment);
    plan.offsets[life.id.index()] = life.offset;
    plan.arena_bytes = std::max(plan.arena_bytes, life.offset + life.bytes);
    placed.insert(std::ranges::upper_bound(placed, life.offset, {}, &Life::offset), life);
  }
  return plan;
}

}  // namespace ipfs_accelerate
