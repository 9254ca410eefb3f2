// rope on the CPU: sines and cosines once per token, in f64, then every head.
#include <algorithm>
#include <cmath>

#include "backend/cpu/steps.h"

namespace ipfs_accelerate::cpu {
namespace {

/// Cosines, then sines, of one position. An f64 holds position * frequency exactly up to positions of 29 bits.
void fill_turns(const op::Rope& op, std::int32_t position, std::vector<float>& turns) {
  const std::size_t half = op.frequencies.size();
  for (std::size_t i = 0; i < half; ++i) {
    const double angle = static_cast<double>(position) * static_cast<double>(op.frequencies[i]);
    turns[i] = static_cast<float>(std::cos(angle) * static_cast<double>(op.factor));
    turns[half + i] = static_cast<float>(std::sin(angle) * static_cast<double>(op.factor));
  }
}

void rotate(const float* x, const std::vector<float>& turns, float* y) {
  const std::size_t half = turns.size() / 2;
  const float* cosines = turns.data();
  const float* sines = turns.data() + half;
  for (std::size_t i = 0; i < half; ++i) y[i] = x[i] * cosines[i] - x[half + i] * sines[i];
  for (std::size_t i = 0; i < half; ++i) y[half + i] = x[half + i] * cosines[i] + x[i] * sines[i];
}

}  // namespace

Result<> run(const op::Rope& op, ValueId output, RunState& run) {
  const std::size_t width = run.width_of(output), head_dim = static_cast<std::size_t>(op.head_dim);
  const std::int32_t* positions = run.ints(op.positions);
  run_pieces(run, run.rows_of(output), least_rows(width), [&](std::size_t begin, std::size_t end) {
    std::vector<float> turns(2 * op.frequencies.size());
    for (std::size_t row = begin; row < end; ++row) {
      const float* x = run.floats(op.x) + row * width;
      float* y = run.floats(output) + row * width;
      std::copy_n(x, width, y);
      fill_turns(op, positions[row], turns);
      for (std::size_t head = 0; head < static_cast<std::size_t>(op.heads); ++head) {
        rotate(x + head * head_dim, turns, y + head * head_dim);
      }
    }
  });
  return {};
}

}  // namespace ipfs_accelerate::cpu
