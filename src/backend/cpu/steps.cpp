// Steps over the heavy ops: linear layers, attention, layer norms, embedding; one parallel section each.
#include <algorithm>
#include <format>

#include "backend/cpu/executable.h"

namespace ipfs_accelerate::cpu {
namespace {

constexpr std::size_t kTasksPerThread = 4;  // enough that a thread that loses its core does not hold up the rest

std::size_t divide_up(std::size_t value, std::size_t step) { return (value + step - 1) / step; }

std::size_t threads_of(const RunState& run) { return static_cast<std::size_t>(run.program.pool->threads()); }

// Calls task(begin, end) for pieces of [0, count), each of at least `least`.
template <class Task>
void run_pieces(const RunState& run, std::size_t count, std::size_t least, Task task) {
  const std::size_t pieces = std::clamp<std::size_t>(count / least, 1, threads_of(run) * kTasksPerThread);
  run.program.pool->run(static_cast<std::int64_t>(pieces), [&](std::int64_t index, int) {
    const auto piece = static_cast<std::size_t>(index);
    task(count * piece / pieces, count * (piece + 1) / pieces);
  });
}

// Rows worth a task of their own when each costs `width` floats of memory traffic.
std::size_t least_rows(std::size_t width) { return std::max<std::size_t>(1, 8192 / std::max<std::size_t>(width, 1)); }

Result<> check_ids(const std::int32_t* ids, std::size_t count, std::int64_t limit, std::string_view what) {
  for (std::size_t i = 0; i < count; ++i) {
    if (ids[i] < 0 || ids[i] >= limit) {
      return fail(ErrorCode::kInvalidArgument, "{} {} at position {} is outside 0 ... {}", what, ids[i], i, limit - 1);
    }
  }
  return {};
}

Result<> check_lookup(const RunState& run, ValueId ids, WeightId table, std::string_view what) {
  if (ids == kNoValue) return {};
  const std::int64_t limit = run.program.graph.weights[static_cast<std::size_t>(table)].shape[0];
  return check_ids(run.ints(ids), run.rows_of(ids) * run.width_of(ids), limit, what);
}

void add_table_row(const RunState& run, ValueId ids, WeightId table, std::size_t row, std::size_t width, float* y) {
  if (ids == kNoValue) return;
  run.program.kernels->add(run.program.rows(table) + static_cast<std::size_t>(run.ints(ids)[row]) * width, y, width);
}

}  // namespace

Result<> run_step(const op::Embed& op, ValueId output, RunState& run) {
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

namespace {

// Tasks are blocks of rows times groups of panels.
void multiply(const Gemm& gemm, std::size_t rows, const RunState& run) {
  const Kernels& kernels = *run.program.kernels;
  // A block of rows stays in half of the second-level cache (1 MiB and up) while the panels pass by.
  constexpr std::size_t kBlockFloats = 128 << 10;
  const std::size_t tile = kernels.tile_rows;
  const std::size_t most_rows =
      std::max<std::size_t>(kBlockFloats / std::max<std::size_t>(gemm.depth, 1) / tile, 1) * tile;
  const std::size_t blocks = divide_up(rows, most_rows);
  const std::size_t panels = divide_up(gemm.columns, kernels.panel_columns);
  const std::size_t groups = std::clamp<std::size_t>(divide_up(threads_of(run) * kTasksPerThread, blocks), 1, panels);
  run.program.pool->run(static_cast<std::int64_t>(blocks * groups), [&](std::int64_t index, int) {
    const std::size_t block = static_cast<std::size_t>(index) / groups;
    const std::size_t group = static_cast<std::size_t>(index) % groups;
    kernels.gemm(gemm, rows * block / blocks, rows * (block + 1) / blocks, panels * group / groups,
                 panels * (group + 1) / groups);
  });
}

}  // namespace

Result<> run_step(const op::Linear& op, ValueId output, RunState& run) {
  const std::size_t depth = run.width_of(op.x);
  const Gemm gemm{.a = run.floats(op.x),
                  .a_stride = depth,
                  .panels = run.program.weights[static_cast<std::size_t>(op.weight)].panels.data(),
                  .bias = run.program.rows(op.bias),
                  .residual = run.floats(op.residual),
                  .c = run.floats(output),
                  .columns = run.width_of(output),
                  .depth = depth,
                  .activation = op.activation};
  multiply(gemm, run.rows_of(output), run);
  return {};
}

Result<> run_step(const op::LayerNorm& op, ValueId output, RunState& run) {
  const NormRows norm{run.floats(op.x),
                      run.floats(op.residual),
                      run.program.rows(op.gamma),
                      run.program.rows(op.beta),
                      run.floats(output),
                      run.width_of(output),
                      op.epsilon};
  run_pieces(run, run.rows_of(output), least_rows(norm.width),
             [&](std::size_t begin, std::size_t end) { run.program.kernels->norm_rows(norm, begin, end); });
  return {};
}

namespace {

void find_attended(ValueId mask, RunState& run) {
  AttendedKeys& attended = run.attended;
  if (attended.known && attended.mask == mask) return;
  const auto batch = static_cast<std::size_t>(run.shape.batch);
  const auto sequence = static_cast<std::size_t>(run.shape.sequence);
  attended.positions.clear();
  attended.begin.assign(1, 0);
  for (std::size_t b = 0; b < batch; ++b) {
    for (std::size_t s = 0; s < sequence; ++s) {
      if (mask == kNoValue || run.ints(mask)[b * sequence + s] != 0) {
        attended.positions.push_back(static_cast<std::int32_t>(s));
      }
    }
    attended.begin.push_back(attended.positions.size());
  }
  attended.mask = mask;
  attended.known = true;
}

AttentionHead attention_head(const op::Attention& op, ValueId output, const RunState& run, std::size_t batch,
                             std::size_t head) {
  const auto sequence = static_cast<std::size_t>(run.shape.sequence);
  const auto head_dim = static_cast<std::size_t>(op.head_dim);
  const std::size_t hidden = static_cast<std::size_t>(op.heads) * head_dim;
  const float* q = run.floats(op.qkv) + batch * sequence * 3 * hidden + head * head_dim;
  const std::size_t first_key = run.attended.begin[batch];
  return {.q = q,
          .k = q + hidden,
          .v = q + 2 * hidden,
          .stride = 3 * hidden,
          .keys = run.attended.positions.data() + first_key,
          .key_count = run.attended.begin[batch + 1] - first_key,
          .bias = op.bias == kNoValue ? nullptr : run.floats(op.bias) + head * sequence * sequence,
          .sequence = sequence,
          .y = run.floats(output) + batch * sequence * hidden + head * head_dim,
          .y_stride = hidden,
          .head_dim = head_dim,
          .scale = op.scale};
}

}  // namespace

Result<> run_step(const op::Attention& op, ValueId output, RunState& run) {
  find_attended(op.mask, run);
  const auto sequence = static_cast<std::size_t>(run.shape.sequence);
  const auto heads = static_cast<std::size_t>(op.heads);
  const std::size_t all_heads = static_cast<std::size_t>(run.shape.batch) * heads;
  std::vector<std::int32_t> every_key(sequence);
  for (std::size_t s = 0; s < sequence; ++s) every_key[s] = static_cast<std::int32_t>(s);
  // Heads are split only when there are too few of them: each piece packs the head's keys again.
  const std::size_t splits = std::clamp<std::size_t>(divide_up(threads_of(run) * kTasksPerThread, all_heads), 1,
                                                     std::max<std::size_t>(1, sequence / 64));
  run.program.pool->run(static_cast<std::int64_t>(all_heads * splits), [&](std::int64_t index, int thread) {
    const std::size_t piece = static_cast<std::size_t>(index) % splits;
    const std::size_t which = static_cast<std::size_t>(index) / splits;
    AttentionHead head = attention_head(op, output, run, which / heads, which % heads);
    if (head.key_count == 0) {  // nothing attended: equal scores, so the mean of all values
      head.keys = every_key.data();
      head.key_count = sequence;
      head.scale = 0.0f;
      head.bias = nullptr;
    }
    float* scratch = run.scratch.data() + static_cast<std::size_t>(thread) * run.scratch_stride;
    run.program.kernels->attention(head, sequence * piece / splits, sequence * (piece + 1) / splits, scratch);
  });
  return {};
}

}  // namespace ipfs_accelerate::cpu
