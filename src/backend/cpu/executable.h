// Executable: a graph bound to one shape class, its arena, and the steps that compute each node.
#pragma once

#include <memory>
#include <vector>

#include "backend/backend.h"
#include "backend/cpu/program.h"
#include "graph/memory.h"

namespace ipfs_accelerate::cpu {

/// Attended keys per sequence, found once per run: their places in k, by a mask or a page table.
struct AttendedKeys {
  struct Source {
    bool known = false;
    ValueId mask, table, lengths, counts;
    std::size_t batch = 0, keys = 0;
    friend bool operator==(const Source&, const Source&) = default;
  };
  Source of;
  std::vector<std::int32_t> positions;  ///< of all sequences, one after the other
  std::vector<std::size_t> begin;       ///< batch + 1 entries
};

/// What the steps of one run see.
struct RunState {
  const ProgramState& program;
  const Graph& graph;  ///< the part that runs
  std::shared_ptr<States> states;
  ShapeClass shape;
  std::vector<std::byte*> places;  ///< per value
  std::vector<Shape> shapes;       ///< per value, bound
  Buffer scratch;                  ///< scratch_stride floats per thread
  std::size_t scratch_stride = 0;
  AttendedKeys attended;

  float* floats(ValueId id) const { return id ? reinterpret_cast<float*>(places[id.index()]) : nullptr; }
  const std::int32_t* ints(ValueId id) const {
    return id ? reinterpret_cast<const std::int32_t*>(places[id.index()]) : nullptr;
  }
  const Shape& shape_of(ValueId id) const { return shapes[id.index()]; }
  std::size_t size_of(ValueId id, std::size_t axis) const { return static_cast<std::size_t>(shape_of(id)[axis]); }
  std::size_t width_of(ValueId id) const { return static_cast<std::size_t>(shape_of(id).back()); }
  std::size_t rows_of(ValueId id) const;  ///< elements over the last dimension
};

/// Floats that an executable takes.
struct ExecutableSizes {
  MemoryPlan plan;                 ///< of the arena, bytes
  std::size_t arena = 0;           ///< floats of it
  std::size_t scratch_stride = 0;  ///< for each thread
  std::size_t constants = 0;       ///< values that are the same in every run
  std::size_t total(std::size_t threads) const { return arena + scratch_stride * threads + constants; }
};
Result<ExecutableSizes> executable_sizes(const Graph& graph, const ShapeClass& shape, const Kernels& kernels,
                                         const LoadOptions& options);

Async<std::unique_ptr<Executable>> make_executable(std::shared_ptr<const ProgramState> program,
                                                   std::shared_ptr<const Graph> part, ShapeClass shape, Stop stop);

}  // namespace ipfs_accelerate::cpu
