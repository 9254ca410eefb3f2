// normalize on the CPU.
#include <algorithm>
#include <cmath>

#include "backend/cpu/steps.h"

namespace ipfs_accelerate::cpu {

Result<> run(const op::Normalize& op, ValueId output, RunState& run) {
  const std::size_t width = run.width_of(output);
  for (std::size_t row = 0; row < run.rows_of(output); ++row) {
    const float* x = run.floats(op.x) + row * width;
    const float length = std::sqrt(run.program.kernels->square_sum(x, width));
    const float divisor = std::max(length, op.epsilon);
    float* y = run.floats(output) + row * width;
    for (std::size_t i = 0; i < width; ++i) y[i] = x[i] / divisor;
  }
  return {};
}

}  // namespace ipfs_accelerate::cpu
