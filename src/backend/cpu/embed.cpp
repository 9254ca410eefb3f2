// embed on the CPU: table rows added up, then normalised.
#include <algorithm>

#include "backend/cpu/steps.h"

namespace ipfs_accelerate::cpu {
namespace {

Result<> check_ids(const std::int32_t* ids, std::size_t count, std::int64_t limit, std::string_view what) {
  for (std::size_t i = 0; i < count; ++i) {
    if (ids[i] < 0 || ids[i] >= limit) {
      return fail(ErrorCode::kInvalidArgument, "{} {} at position {} is outside 0 ... {}", what, ids[i], i, limit - 1);
    }
  }
  return {};
}

Result<> check_lookup(const RunState& run, ValueId ids, WeightId table, std::string_view what) {
  if (!ids) return {};
  const std::int64_t limit = run.program.graph.weight(table).shape[0];
  return check_ids(run.ints(ids), run.rows_of(ids) * run.width_of(ids), limit, what);
}

/// Without ids the table's row 0.
void add_table_row(const RunState& run, ValueId ids, WeightId table, std::size_t row, std::size_t width, float* y) {
  if (!table) return;
  const std::size_t picked = ids ? static_cast<std::size_t>(run.ints(ids)[row]) : 0;
  run.program.kernels->add(run.program.rows(table) + picked * width, y, width);
}

}  // namespace

Result<> run(const op::Embed& op, ValueId output, RunState& run) {
  IA_TRY(check_lookup(run, op.ids, op.word, "token id"));
  IA_TRY(check_lookup(run, op.position_ids, op.position, "position id"));
  IA_TRY(check_lookup(run, op.type_ids, op.type, "token type id"));
  const std::size_t width = run.width_of(output);
  float* y = run.floats(output);
  const NormRows norm{y, nullptr, run.program.rows(op.gamma), run.program.rows(op.beta), y, width, op.epsilon};
  run_pieces(run, run.rows_of(output), least_rows(width), [&](std::size_t begin, std::size_t end) {
    for (std::size_t row = begin; row < end; ++row) {
      const float* word = run.program.rows(op.word) + static_cast<std::size_t>(run.ints(op.ids)[row]) * width;
      std::copy_n(word, width, y + row * width);
      add_table_row(run, op.position_ids, op.position, row, width, y + row * width);
      add_table_row(run, op.type_ids, op.type, row, width, y + row * width);
    }
    if (norm.gamma != nullptr) run.program.kernels->norm_rows(norm, begin, end);
  });
  return {};
}

}  // namespace ipfs_accelerate::cpu
