// attention on the CPU: a task for each head of each sequence, over the attended keys.
#include <algorithm>

#include "backend/cpu/steps.h"

namespace ipfs_accelerate::cpu {
namespace {

void find_attended(const op::Attention& op, RunState& run) {
  const std::size_t batch = run.size_of(op.k.value, 0), keys = run.size_of(op.k.value, 1);
  AttendedKeys& attended = run.attended;
  if (attended.known && attended.mask == op.mask && attended.batch == batch && attended.keys == keys) return;
  attended.positions.clear();
  attended.begin.assign(1, 0);
  for (std::size_t b = 0; b < batch; ++b) {
    for (std::size_t s = 0; s < keys; ++s) {
      if (!op.mask || run.ints(op.mask)[b * keys + s] != 0) attended.positions.push_back(static_cast<std::int32_t>(s));
    }
    attended.begin.push_back(attended.positions.size());
  }
  attended.mask = op.mask;
  attended.batch = batch;
  attended.keys = keys;
  attended.known = true;
}

std::span<const std::int32_t> attended_by(const RunState& run, std::size_t batch) {
  const std::size_t begin = run.attended.begin[batch], end = run.attended.begin[batch + 1];
  return std::span(run.attended.positions).subspan(begin, end - begin);
}

/// Where among the attended keys of one sequence those lie that each query sees. Empty ranges are left to
/// weigh_alike().
std::vector<KeyRange> seen_by(const op::Attention& op, std::span<const std::int32_t> attended, std::size_t queries,
                              std::size_t keys) {
  std::vector<KeyRange> seen;
  for (std::size_t i = 0; i < queries; ++i) {
    const Sight sight =
        sight_of(op, static_cast<std::int64_t>(i), static_cast<std::int64_t>(queries), static_cast<std::int64_t>(keys));
    const auto place = [&](std::int64_t key) {
      return static_cast<std::size_t>(std::ranges::lower_bound(attended, key) - attended.begin());
    };
    seen.push_back({place(sight.first), place(sight.end)});
  }
  return seen;
}

const float* row_start(const RunState& run, const Columns& columns, std::size_t batch, std::size_t head,
                       std::int32_t head_dim) {
  const std::size_t rows = run.size_of(columns.value, 1), width = run.width_of(columns.value);
  return run.floats(columns.value) + batch * rows * width + static_cast<std::size_t>(columns.first) +
         head * static_cast<std::size_t>(head_dim);
}

AttentionHead attention_head(const op::Attention& op, ValueId output, const RunState& run, std::size_t batch,
                             std::size_t head) {
  const std::size_t queries = run.size_of(op.q.value, 1), keys = run.size_of(op.k.value, 1);
  const auto head_dim = static_cast<std::size_t>(op.head_dim);
  const std::size_t hidden = static_cast<std::size_t>(op.heads) * head_dim;
  const std::size_t shared = head / static_cast<std::size_t>(op.heads / op.kv_heads);
  const auto attended = attended_by(run, batch);
  return {.q = row_start(run, op.q, batch, head, op.head_dim),
          .k = row_start(run, op.k, batch, shared, op.head_dim),
          .v = row_start(run, op.v, batch, shared, op.head_dim),
          .q_stride = run.width_of(op.q.value),
          .k_stride = run.width_of(op.k.value),
          .v_stride = run.width_of(op.v.value),
          .keys = attended.data(),
          .key_count = attended.size(),
          .all_keys = keys,
          .bias = op.bias ? run.floats(op.bias) + head * queries * keys : nullptr,
          .seen = nullptr,
          .y = run.floats(output) + batch * queries * hidden + head * head_dim,
          .y_stride = hidden,
          .head_dim = head_dim,
          .scale = op.scale,
          .soft_cap = op.soft_cap};
}

/// A query that attends to nothing: the mean of the values that it sees.
void weigh_alike(const AttentionHead& head, std::size_t query, const Sight& sight) {
  float* y = head.y + query * head.y_stride;
  std::fill_n(y, head.head_dim, 0.0f);
  const float part = 1.0f / static_cast<float>(sight.end - sight.first);
  for (std::int64_t key = sight.first; key < sight.end; ++key) {
    const float* v = head.v + static_cast<std::size_t>(key) * head.v_stride;
    for (std::size_t i = 0; i < head.head_dim; ++i) y[i] += part * v[i];
  }
}

/// Query rows [begin, end) of one head, stretch by stretch of rows that attend to something or to nothing.
void attend(const op::Attention& op, const RunState& run, const AttentionHead& head, std::size_t queries,
            std::size_t begin, std::size_t end, float* scratch) {
  const auto is_empty = [&](std::size_t row) {
    return head.key_count == 0 || (head.seen != nullptr && head.seen[row].begin == head.seen[row].end);
  };
  while (begin < end) {
    std::size_t next = begin;
    if (is_empty(begin)) {
      weigh_alike(head, next++,
                  sight_of(op, static_cast<std::int64_t>(begin), static_cast<std::int64_t>(queries),
                           static_cast<std::int64_t>(head.all_keys)));
    } else {
      while (next < end && !is_empty(next)) ++next;
      run.program.kernels->attention(head, begin, next, scratch);
    }
    begin = next;
  }
}

}  // namespace

Result<> run(const op::Attention& op, ValueId output, RunState& run) {
  find_attended(op, run);
  const std::size_t batch = run.size_of(op.q.value, 0), queries = run.size_of(op.q.value, 1);
  const std::size_t keys = run.size_of(op.k.value, 1);
  const auto heads = static_cast<std::size_t>(op.heads);
  std::vector<std::vector<KeyRange>> seen(batch);
  for (std::size_t b = 0; b < batch && op.causal; ++b) seen[b] = seen_by(op, attended_by(run, b), queries, keys);
  // Heads are split only when there are too few of them: each piece packs the head's keys again.
  const std::size_t splits = std::clamp<std::size_t>(divide_up(threads_of(run) * kTasksPerThread, batch * heads), 1,
                                                     std::max<std::size_t>(1, queries / 64));
  run.program.pool->run(static_cast<std::int64_t>(batch * heads * splits), [&](std::int64_t index, int thread) {
    const std::size_t piece = static_cast<std::size_t>(index) % splits;
    const std::size_t which = static_cast<std::size_t>(index) / splits;
    AttentionHead head = attention_head(op, output, run, which / heads, which % heads);
    if (op.causal) head.seen = seen[which / heads].data();
    float* scratch = run.scratch.data() + static_cast<std::size_t>(thread) * run.scratch_stride;
    attend(op, run, head, queries, queries * piece / splits, queries * (piece + 1) / splits, scratch);
  });
  return {};
}

std::size_t scratch_of(const op::Attention& op, const Sizing& sizing) {
  const std::int64_t keys = sizing.graph.shape_of(op.k.value, sizing.shape)[1];
  return sizing.kernels.attention_scratch(static_cast<std::size_t>(keys), static_cast<std::size_t>(op.head_dim));
}

}  // namespace ipfs_accelerate::cpu
