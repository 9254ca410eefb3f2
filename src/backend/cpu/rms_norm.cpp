// rms_norm on the CPU.
#include "backend/cpu/steps.h"

namespace ipfs_accelerate::cpu {

Result<> run(const op::RmsNorm& op, ValueId output, RunState& run) {
  const NormRows norm{.x = run.floats(op.x),
                      .residual = nullptr,
                      .gamma = run.program.rows(op.gamma),
                      .beta = nullptr,
                      .y = run.floats(output),
                      .width = run.width_of(output),
                      .epsilon = op.epsilon};
  run_pieces(run, run.rows_of(output), least_rows(norm.width),
             [&](std::size_t begin, std::size_t end) { run.program.kernels->rms_rows(norm, begin, end); });
  return {};
}

}  // namespace ipfs_accelerate::cpu
