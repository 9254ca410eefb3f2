// layer_norm on the CPU.
#include "backend/cpu/steps.h"

namespace ipfs_accelerate::cpu {

Result<> run(const op::LayerNorm& op, ValueId output, RunState& run) {
  const NormRows norm{run.floats(op.x),
                      run.floats(op.residual),
                      run.program.rows(op.gamma),
                      run.program.rows(op.beta),
                      run.floats(output),
                      run.width_of(output),
                      op.epsilon};
  run_pieces(run, run.rows_of(output), least_rows(norm.width),
             [&](std::size_t begin, std::size_t end) { run.program.kernels->norm_rows(norm, begin, end); });
  return {};
}

}  // namespace ipfs_accelerate::cpu
