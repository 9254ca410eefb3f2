// relative_bias on the CPU: one table row per distance.
#include "backend/cpu/steps.h"

namespace ipfs_accelerate::cpu {

Result<> run(const op::RelativeBias& op, ValueId output, RunState& run) {
  const std::size_t sequence = run.size_of(output, 1);
  const std::size_t heads = run.size_of(output, 0);
  const float* table = run.program.rows(op.table);
  // One value per distance, from -(sequence - 1) to sequence - 1.
  std::vector<std::size_t> rows(2 * sequence - 1);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto distance = static_cast<std::int64_t>(i) - static_cast<std::int64_t>(sequence) + 1;
    rows[i] = static_cast<std::size_t>(relative_bucket(distance, op)) * heads;
  }
  run.program.pool->run(static_cast<std::int64_t>(heads), [&](std::int64_t index, int) {
    const auto head = static_cast<std::size_t>(index);
    float* y = run.floats(output) + head * sequence * sequence;
    for (std::size_t i = 0; i < sequence; ++i) {
      for (std::size_t j = 0; j < sequence; ++j) y[i * sequence + j] = table[rows[j + sequence - 1 - i] + head];
    }
  });
  return {};
}

}  // namespace ipfs_accelerate::cpu
