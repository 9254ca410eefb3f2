// patches on the CPU: rows of pixels copied, patch by patch.
#include <algorithm>

#include "backend/cpu/steps.h"

namespace ipfs_accelerate::cpu {
namespace {

/// Copies the patch whose corner `from` is, in every channel.
void copy_patch(const float* from, std::size_t width, std::size_t plane, std::size_t channels, std::size_t size,
                float* to) {
  for (std::size_t channel = 0; channel < channels; ++channel) {
    for (std::size_t line = 0; line < size; ++line, to += size) {
      std::copy_n(from + channel * plane + line * width, size, to);
    }
  }
}

}  // namespace

Result<> run(const op::Patches& op, ValueId output, RunState& run) {
  const std::size_t channels = run.size_of(op.pixels, 1), height = run.size_of(op.pixels, 2),
                    width = run.size_of(op.pixels, 3), size = static_cast<std::size_t>(op.size);
  const auto across = static_cast<std::size_t>(run.program.graph.bind(op.columns, run.shape));
  const std::size_t count = run.size_of(output, 1), columns = run.width_of(output);
  run_pieces(run, run.rows_of(output), least_rows(columns), [&](std::size_t begin, std::size_t end) {
    for (std::size_t row = begin; row < end; ++row) {
      const std::size_t picture = row / count, place = row % count;
      const std::size_t line = picture * channels * height + place / across * size;
      const float* corner = run.floats(op.pixels) + line * width + place % across * size;
      copy_patch(corner, width, height * width, channels, size, run.floats(output) + row * columns);
    }
  });
  return {};
}

}  // namespace ipfs_accelerate::cpu
