// Executable: a graph bound to one shape class, its arena, and the steps that compute each node.
#pragma once

#include <memory>
#include <vector>

#include "backend/backend.h"
#include "backend/cpu/program.h"

namespace ipfs_accelerate::cpu {

/// Attended positions per sequence of a mask, found once per run.
struct AttendedKeys {
  ValueId mask = kNoValue;
  bool known = false;
  std::vector<std::int32_t> positions;  ///< of all sequences, one after the other
  std::vector<std::size_t> begin;       ///< batch + 1 entries
};

/// What the steps of one run see.
struct RunState {
  const ProgramState& program;
  ShapeClass shape;
  std::vector<std::byte*> places;  ///< per value
  std::vector<Shape> shapes;       ///< per value, bound
  Buffer scratch;                  ///< scratch_stride floats per thread
  std::size_t scratch_stride = 0;
  AttendedKeys attended;

  float* floats(ValueId id) const {
    return id == kNoValue ? nullptr : reinterpret_cast<float*>(places[static_cast<std::size_t>(id)]);
  }
  const std::int32_t* ints(ValueId id) const {
    return id == kNoValue ? nullptr : reinterpret_cast<const std::int32_t*>(places[static_cast<std::size_t>(id)]);
  }
  const Shape& shape_of(ValueId id) const { return shapes[static_cast<std::size_t>(id)]; }
  std::size_t width_of(ValueId id) const { return static_cast<std::size_t>(shape_of(id).back()); }
  std::size_t rows_of(ValueId id) const;  ///< elements over the last dimension
};

Result<> run_step(const op::Embed& op, ValueId output, RunState& run);
Result<> run_step(const op::Linear& op, ValueId output, RunState& run);
Result<> run_step(const op::LayerNorm& op, ValueId output, RunState& run);
Result<> run_step(const op::Attention& op, ValueId output, RunState& run);
Result<> run_step(const op::RelativeBias& op, ValueId output, RunState& run);
Result<> run_step(const op::Pool& op, ValueId output, RunState& run);
Result<> run_step(const op::Normalize& op, ValueId output, RunState& run);
Result<> run_step(const op::SelectRows& op, ValueId output, RunState& run);

Async<std::unique_ptr<Executable>> make_executable(std::shared_ptr<const ProgramState> program, ShapeClass shape,
                                                   Stop stop);

}  // namespace ipfs_accelerate::cpu
