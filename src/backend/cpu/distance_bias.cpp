// distance_bias on the CPU: one table row per distance.
#include "backend/cpu/steps.h"

namespace ipfs_accelerate::cpu {

Result<> run(const op::DistanceBias& op, ValueId output, RunState& run) {
  const std::size_t heads = run.size_of(output, 0), distances = run.size_of(output, 1);
  const float* table = run.program.rows(op.table);
  const auto rows = distance_buckets(op, run.program.graph.weight(op.table).shape[0]);
  float* y = run.floats(output);
  for (std::size_t head = 0; head < heads; ++head) {
    for (std::size_t d = 0; d < distances; ++d) {
      y[head * distances + d] = table[static_cast<std::size_t>(rows[d]) * heads + head];
    }
  }
  return {};
}

}  // namespace ipfs_accelerate::cpu
