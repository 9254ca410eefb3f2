// append on the CPU: rows into the pages of their sequences.
#include <algorithm>

#include "backend/cpu/paging.h"
#include "backend/cpu/steps.h"

namespace ipfs_accelerate::cpu {

Result<> run(const op::Append& op, ValueId output, RunState& run) {
  const std::size_t rows = run.size_of(op.x.value, 1), from_width = run.width_of(op.x.value);
  const std::size_t width = run.width_of(output);
  for (std::size_t b = 0; b < run.size_of(op.x.value, 0); ++b) {
    IA_ASSIGN(const PagedRows sequence, paged_rows(run, op.paging, op.state, b, static_cast<std::int64_t>(rows)));
    const float* from = run.floats(op.x.value) + b * rows * from_width + static_cast<std::size_t>(op.x.first);
    for (std::int64_t i = 0; i < sequence.count; ++i, from += from_width) {
      const std::size_t to = static_cast<std::size_t>(sequence.place(sequence.length + i)) * width;
      if (dtype_of(run) == Dtype::kF32) {
        std::copy_n(from, width, run.floats(output) + to);
      } else {
        std::ranges::transform(from, from + width, reinterpret_cast<std::uint16_t*>(run.places[output.index()]) + to,
                               f32_to_f16);
      }
    }
  }
  return {};
}

}  // namespace ipfs_accelerate::cpu
