// Memory planner: see memory.h.
#include "graph/memory.h"

#include <algorithm>
#include <numeric>

namespace ipfs_accelerate {
namespace {

struct Life {
  ValueId id;
  std::int64_t bytes = 0, offset = -1;
  std::size_t begin = 0, end = 0;  ///< nodes that write it first and read it last, both included
};

std::vector<Life> lives_of(const Graph& graph, const std::vector<std::int64_t>& bytes) {
  std::vector<Life> lives;
  std::vector<std::size_t> slot(graph.values.size(), SIZE_MAX);
  const auto extend = [&](ValueId id, std::size_t to) {
    if (slot[id.index()] != SIZE_MAX) lives[slot[id.index()]].end = to;
  };
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    for (const ValueId id : inputs_of(node.op)) extend(id, i);
    if (bytes[node.output.index()] < 0) continue;
    slot[node.output.index()] = lives.size();
    lives.push_back({node.output, bytes[node.output.index()], -1, i, i});
  }
  for (const ValueId id : graph.outputs) extend(id, graph.nodes.size());
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

/// Values placed largest first, each at the lowest offset free during its whole life.
void plan_arena(std::vector<Life> lives, std::int64_t alignment, MemoryPlan& plan) {
  std::ranges::stable_sort(lives, std::greater{}, &Life::bytes);
  plan.rooms.push_back(0);
  std::vector<Life> placed;
  for (Life life : lives) {
    life.offset = lowest_offset(life, placed, alignment);
    plan.spots[life.id.index()] = {0, life.offset};
    plan.rooms[0] = std::max(plan.rooms[0], life.offset + life.bytes);
    placed.insert(std::ranges::upper_bound(placed, life.offset, {}, &Life::offset), life);
  }
}

/// Values in the order they are computed, each in the smallest free room that is large enough, else in the largest one,
/// grown.
void plan_buffers(const std::vector<Life>& lives, MemoryPlan& plan) {
  std::vector<std::size_t> free_from;  // per room: the node from which on it is free
  for (const Life& life : lives) {
    const auto better = [&](std::size_t a, std::size_t b) {
      const bool a_fits = plan.rooms[a] >= life.bytes, b_fits = plan.rooms[b] >= life.bytes;
      if (a_fits != b_fits) return a_fits;
      return a_fits ? plan.rooms[a] < plan.rooms[b] : plan.rooms[a] > plan.rooms[b];
    };
    std::size_t best = SIZE_MAX;
    for (std::size_t room = 0; room < plan.rooms.size(); ++room) {
      if (free_from[room] <= life.begin && (best == SIZE_MAX || better(room, best))) best = room;
    }
    if (best == SIZE_MAX) {
      best = plan.rooms.size();
      plan.rooms.push_back(0);
      free_from.push_back(0);
    }
    plan.rooms[best] = std::max(plan.rooms[best], life.bytes);
    free_from[best] = life.end + 1;
    plan.spots[life.id.index()] = {static_cast<std::int32_t>(best), 0};
  }
}

}  // namespace

std::int64_t MemoryPlan::bytes() const { return std::accumulate(rooms.begin(), rooms.end(), std::int64_t{0}); }

MemoryPlan plan_memory(const Graph& graph, const std::vector<std::int64_t>& bytes, Rooms rooms,
                       std::int64_t alignment) {
  MemoryPlan plan;
  plan.spots.resize(graph.values.size());
  std::vector<Life> lives = lives_of(graph, bytes);
  if (rooms == Rooms::kArena) {
    plan_arena(std::move(lives), alignment, plan);
  } else {
    plan_buffers(lives, plan);
  }
  return plan;
}

}  // namespace ipfs_accelerate
