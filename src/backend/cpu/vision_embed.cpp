// vision_embed on the CPU: each token and its position, which is a row of the table or comes from sixteen of them.
#include <algorithm>

#include "backend/cpu/steps.h"

namespace ipfs_accelerate::cpu {
namespace {

/// The table of positions, as pictures of this size see it.
class Positions {
 public:
  Positions(const op::VisionEmbed& op, const RunState& run, std::size_t width)
      : kernels_(*run.program.kernels),
        known_(position_table(run.program.graph, op)),
        grid_(run.program.rows(op.position) + static_cast<std::size_t>(known_.prefix) * width),
        width_(width) {
    const std::int64_t rows = run.program.graph.bind(op.rows, run.shape);
    const std::int64_t columns = run.program.graph.bind(op.columns, run.shape);
    across_ = static_cast<std::size_t>(columns);
    if (rows == known_.side && columns == known_.side) return;
    down_taps_ = cubic_taps(known_.side, rows);
    across_taps_ = cubic_taps(known_.side, columns);
  }
  std::size_t prefix() const { return static_cast<std::size_t>(known_.prefix); }

  /// Adds the position of a patch to y.
  void add(std::size_t patch, float* y) const {
    if (down_taps_.empty()) return kernels_.add(grid_ + patch * width_, y, width_);
    const Taps &down = down_taps_[patch / across_], &across = across_taps_[patch % across_];
    for (std::size_t i = 0; i < 4; ++i) {
      for (std::size_t j = 0; j < 4; ++j) add_scaled(down.at[i], across.at[j], down.weight[i] * across.weight[j], y);
    }
  }

 private:
  void add_scaled(std::int32_t row, std::int32_t column, float scale, float* y) const {
    const float* from = grid_ + static_cast<std::size_t>(row * known_.side + column) * width_;
    for (std::size_t c = 0; c < width_; ++c) y[c] += scale * from[c];
  }

  const Kernels& kernels_;
  PositionTable known_;
  const float* grid_;  // after the prefix
  std::size_t width_, across_ = 1;
  std::vector<Taps> down_taps_, across_taps_;  // none when the table has this size
};

}  // namespace

Result<> run(const op::VisionEmbed& op, ValueId output, RunState& run) {
  const std::size_t width = run.width_of(output), tokens = run.size_of(output, 1), patches = run.size_of(op.x, 1);
  const Positions positions(op, run, width);
  const std::size_t prefix = positions.prefix();
  run_pieces(run, run.rows_of(output), least_rows(width), [&](std::size_t begin, std::size_t end) {
    for (std::size_t row = begin; row < end; ++row) {
      const std::size_t picture = row / tokens, token = row % tokens;
      float* y = run.floats(output) + row * width;
      if (token < prefix) {
        std::copy_n(run.program.rows(op.prefix) + token * width, width, y);
        run.program.kernels->add(run.program.rows(op.position) + token * width, y, width);
      } else {
        std::copy_n(run.floats(op.x) + (picture * patches + token - prefix) * width, width, y);
        positions.add(token - prefix, y);
      }
    }
  });
  return {};
}

}  // namespace ipfs_accelerate::cpu
