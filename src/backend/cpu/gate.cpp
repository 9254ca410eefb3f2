// gate on the CPU.
#include <algorithm>

#include "backend/cpu/steps.h"

namespace ipfs_accelerate::cpu {

Result<> run(const op::Gate& op, ValueId output, RunState& run) {
  const std::size_t width = run.width_of(output);
  const float* x = run.floats(op.x);
  float* y = run.floats(output);
  run_pieces(run, run.rows_of(output), least_rows(2 * width), [&](std::size_t begin, std::size_t end) {
    for (std::size_t row = begin; row < end; ++row) {
      std::copy_n(x + row * 2 * width, width, y + row * width);
      run.program.kernels->gate(op.activation, x + row * 2 * width + width, y + row * width, width);
    }
  });
  return {};
}

}  // namespace ipfs_accelerate::cpu
