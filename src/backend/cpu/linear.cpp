// linear on the CPU: a matrix packed into panels, multiplied in blocks of rows and groups of panels.
#include <algorithm>

#include "backend/cpu/steps.h"

namespace ipfs_accelerate::cpu {
namespace {

// Tasks are blocks of rows times groups of panels.
void multiply(const Gemm& gemm, std::size_t rows, const RunState& run) {
  const Kernels& kernels = *run.program.kernels;
  // A block of rows stays in half of the second-level cache (1 MiB and up) while the panels pass by.
  constexpr std::size_t kBlockFloats = 128 << 10;
  const std::size_t tile = kernels.tile_rows;
  const std::size_t most_rows =
      std::max<std::size_t>(kBlockFloats / std::max<std::size_t>(gemm.depth, 1) / tile, 1) * tile;
  const std::size_t blocks = divide_up(rows, most_rows);
  const std::size_t panels = divide_up(gemm.columns, kernels.panel_columns);
  const std::size_t groups = std::clamp<std::size_t>(divide_up(threads_of(run) * kTasksPerThread, blocks), 1, panels);
  run.program.pool->run(static_cast<std::int64_t>(blocks * groups), [&](std::int64_t index, int) {
    const std::size_t block = static_cast<std::size_t>(index) / groups;
    const std::size_t group = static_cast<std::size_t>(index) % groups;
    kernels.gemm(gemm, rows * block / blocks, rows * (block + 1) / blocks, panels * group / groups,
                 panels * (group + 1) / groups);
  });
}

}  // namespace

Result<> run(const op::Linear& op, ValueId output, RunState& run) {
  const std::size_t depth = run.width_of(op.x);
  const Gemm gemm{.a = run.floats(op.x),
                  .a_stride = depth,
                  .panels = run.program.weights[op.weight.index()].panels.data(),
                  .bias = run.program.rows(op.bias),
                  .residual = run.floats(op.residual),
                  .c = run.floats(output),
                  .columns = run.width_of(output),
                  .depth = depth,
                  .activation = op.activation};
  multiply(gemm, run.rows_of(output), run);
  return {};
}

std::vector<WeightId> panels_of(const op::Linear& op) { return {op.weight}; }

}  // namespace ipfs_accelerate::cpu
