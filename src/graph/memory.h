// Memory planner: where each value of a graph lies, reusing room once a value is dead.
#pragma once

#include "graph/graph.h"

namespace ipfs_accelerate {

/// What values share.
enum class Rooms : std::uint8_t {
  kArena,   ///< one room; values that live at the same time lie apart in it
  kBuffers  ///< a room for every value that lives: for devices where an op cannot read and write the same buffer
};

struct MemoryPlan {
  struct Spot {
    std::int32_t room = -1;   ///< -1: the value has none
    std::int64_t offset = 0;  ///< bytes
  };
  std::vector<Spot> spots;          ///< per value
  std::vector<std::int64_t> rooms;  ///< bytes of each

  std::int64_t bytes() const;
};

/// `bytes` of each value; -1: it needs no room (inputs, and what lies elsewhere). Offsets are multiples of `alignment`.
/// Graph outputs stay alive to the end. An op's output never overlaps its inputs.
MemoryPlan plan_memory(const Graph& graph, const std::vector<std::int64_t>& bytes, Rooms rooms, std::int64_t alignment);

/// Bytes of what the nodes compute, by `bytes_of`; -1 for every other value.
template <class BytesOf>
std::vector<std::int64_t> computed_bytes(const Graph& graph, BytesOf bytes_of) {
  std::vector<std::int64_t> bytes(graph.values.size(), -1);
  for (const Node& node : graph.nodes) {
    if (!graph.value(node.output).state) bytes[node.output.index()] = bytes_of(node.output);
  }
  return bytes;
}

}  // namespace ipfs_accelerate
