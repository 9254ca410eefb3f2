// select_rows on the CPU.
#include <algorithm>

#include "backend/cpu/steps.h"

namespace ipfs_accelerate::cpu {

Result<> run(const op::SelectRows& op, ValueId output, RunState& run) {
  const std::size_t width = run.width_of(output);
  const auto limit = static_cast<std::int64_t>(run.rows_of(op.x));
  const std::int32_t* rows = run.ints(op.rows);
  for (std::size_t r = 0; r < run.rows_of(output); ++r) {
    if (rows[r] < 0 || rows[r] >= limit) {
      return fail(ErrorCode::kInvalidArgument, "row {} of {} selected", rows[r], limit);
    }
    std::copy_n(run.floats(op.x) + static_cast<std::size_t>(rows[r]) * width, width, run.floats(output) + r * width);
  }
  return {};
}

}  // namespace ipfs_accelerate::cpu
