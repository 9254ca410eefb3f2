// soft_cap on the CPU.
#include <cmath>

#include "backend/cpu/steps.h"

namespace ipfs_accelerate::cpu {

Result<> run(const op::SoftCap& op, ValueId output, RunState& run) {
  const float* x = run.floats(op.x);
  float* y = run.floats(output);
  const std::size_t count = run.rows_of(output) * run.width_of(output);
  run_pieces(run, count, least_rows(8), [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) y[i] = op.cap * std::tanh(x[i] / op.cap);
  });
  return {};
}

}  // namespace ipfs_accelerate::cpu
