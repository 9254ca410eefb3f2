// Steps: what each op is on the CPU. One file per op: run(), and where an op is not like the others the form of its
// weights, its scratch, and whether it is the same in every run.
#pragma once

#include <algorithm>

#include "backend/cpu/executable.h"

namespace ipfs_accelerate::cpu {

Result<> run(const op::Embed& op, ValueId output, RunState& run);
Result<> run(const op::Linear& op, ValueId output, RunState& run);
Result<> run(const op::LayerNorm& op, ValueId output, RunState& run);
Result<> run(const op::Attention& op, ValueId output, RunState& run);
Result<> run(const op::RelativeBias& op, ValueId output, RunState& run);
Result<> run(const op::Pool& op, ValueId output, RunState& run);
Result<> run(const op::Normalize& op, ValueId output, RunState& run);
Result<> run(const op::SelectRows& op, ValueId output, RunState& run);
Result<> run(const op::Append& op, ValueId output, RunState& run);
Result<> run(const op::CopyPages& op, ValueId output, RunState& run);
Result<> run(const op::Scale& op, ValueId output, RunState& run);
Result<> run(const op::SoftCap& op, ValueId output, RunState& run);
Result<> run(const op::RmsNorm& op, ValueId output, RunState& run);
Result<> run(const op::Gate& op, ValueId output, RunState& run);
Result<> run(const op::ArgMax& op, ValueId output, RunState& run);
Result<> run(const op::DistanceBias& op, ValueId output, RunState& run);
Result<> run(const op::Patches& op, ValueId output, RunState& run);
Result<> run(const op::VisionEmbed& op, ValueId output, RunState& run);
Result<> run(const op::Rope& op, ValueId output, RunState& run);

/// Weights that are read as panels, not as rows.
std::vector<WeightId> panels_of(const auto&) { return {}; }
std::vector<WeightId> panels_of(const op::Linear& op);

/// What is known of a run before there is memory for it.
struct Sizing {
  const Graph& graph;
  const ShapeClass& shape;
  const Kernels& kernels;
  Dtype state_dtype;
};

/// Floats of scratch that each thread needs.
std::size_t scratch_of(const auto&, const Sizing&) { return 0; }
std::size_t scratch_of(const op::Attention& op, const Sizing& sizing);

/// The output depends on weights and shape alone.
bool is_constant(const auto&) { return false; }
inline bool is_constant(const op::RelativeBias&) { return true; }
inline bool is_constant(const op::DistanceBias&) { return true; }

// ---- what steps share

/// Enough that a thread that loses its core does not hold up the rest.
inline constexpr std::size_t kTasksPerThread = 4;

inline std::size_t divide_up(std::size_t value, std::size_t step) { return (value + step - 1) / step; }

inline std::size_t threads_of(const RunState& run) { return static_cast<std::size_t>(run.program.pool->threads()); }

/// Calls task(begin, end) for pieces of [0, count), each of at least `least`.
template <class Task>
void run_pieces(const RunState& run, std::size_t count, std::size_t least, Task task) {
  const std::size_t pieces = std::clamp<std::size_t>(count / least, 1, threads_of(run) * kTasksPerThread);
  run.program.pool->run(static_cast<std::int64_t>(pieces), [&](std::int64_t index, int) {
    const auto piece = static_cast<std::size_t>(index);
    task(count * piece / pieces, count * (piece + 1) / pieces);
  });
}

/// Rows worth a task of their own when each costs `width` floats of memory traffic.
inline std::size_t least_rows(std::size_t width) {
  return std::max<std::size_t>(1, 8192 / std::max<std::size_t>(width, 1));
}

}  // namespace ipfs_accelerate::cpu
