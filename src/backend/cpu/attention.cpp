// attention on the CPU: a task for each head of each sequence, over the attended keys.
#include <algorithm>
#include <numeric>

#include "backend/cpu/paging.h"
#include "backend/cpu/steps.h"

namespace ipfs_accelerate::cpu {
namespace {

/// The keys of each sequence that a mask leaves, or all.
void find_unmasked(const op::Attention& op, RunState& run, std::size_t batch, std::size_t keys) {
  for (std::size_t b = 0; b < batch; ++b) {
    for (std::size_t s = 0; s < keys; ++s) {
      if (op.mask && run.ints(op.mask)[b * keys + s] == 0) continue;
      run.attended.positions.push_back(static_cast<std::int32_t>(s));
    }
    run.attended.begin.push_back(run.attended.positions.size());
  }
}

/// The rows of the state that each sequence has.
Result<> find_paged(const op::Attention& op, RunState& run, std::size_t batch) {
  const std::int64_t queries = run.shape_of(op.q.value)[1];
  for (std::size_t b = 0; b < batch; ++b) {
    IA_ASSIGN(const PagedRows rows, paged_rows(run, op.paging, op.k.value, b, queries));
    for (std::int64_t row = 0; row < rows.total(); ++row) {
      run.attended.positions.push_back(static_cast<std::int32_t>(rows.place(row)));
    }
    run.attended.begin.push_back(run.attended.positions.size());
  }
  return {};
}

Result<> find_attended(const op::Attention& op, RunState& run) {
  const std::size_t batch = run.size_of(op.q.value, 0), keys = run.size_of(op.k.value, 1);
  const Paging& paging = op.paging;
  const AttendedKeys::Source source{true, op.mask, paging.table, paging.lengths, paging.counts, batch, keys};
  if (run.attended.of == source) return {};
  run.attended.of = {};
  run.attended.positions.clear();
  run.attended.begin.assign(1, 0);
  if (paging.table) {
    IA_TRY(find_paged(op, run, batch));
  } else {
    find_unmasked(op, run, batch, keys);
  }
  run.attended.of = source;
  return {};
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

/// One head of one sequence whose keys lie in pages.
AttentionHead paged_head(const op::Attention& op, ValueId output, const RunState& run, std::size_t batch,
                         std::size_t head) {
  AttentionHead made = attention_head(op, output, run, 0, head);
  const std::size_t queries = run.size_of(op.q.value, 1);
  made.q += batch * queries * made.q_stride;
  made.y += batch * queries * made.y_stride;
  const auto attended = attended_by(run, batch);
  made.keys = attended.data();
  made.key_count = made.all_keys = attended.size();
  if (!op.distance_bias) return made;
  made.distances = run.width_of(op.distance_bias);
  made.distance_bias = run.floats(op.distance_bias) + head * made.distances;
  made.position = static_cast<std::size_t>(run.ints(op.paging.lengths)[batch]);
  return made;
}

/// What each query of a sequence in pages sees, as places among its keys. Padding sees all.
std::vector<KeyRange> seen_in_pages(const op::Attention& op, const RunState& run, std::size_t batch) {
  const auto keys = static_cast<std::int64_t>(attended_by(run, batch).size());
  std::vector<KeyRange> seen;
  for (std::int64_t i = 0; i < run.shape_of(op.q.value)[1]; ++i) {
    const std::int64_t end = std::clamp<std::int64_t>(run.ints(op.paging.lengths)[batch] + i + 1, 1, keys);
    const std::int64_t first = op.window == 0 ? 0 : std::max<std::int64_t>(end - op.window, 0);
    seen.push_back({static_cast<std::size_t>(first), static_cast<std::size_t>(end)});
  }
  return seen;
}

/// Columns of f16 rows, as f32 side by side.
void widen_columns(const RunState& run, const Columns& from, std::size_t head, const AttentionHead& to, float* wide) {
  const auto* pages = reinterpret_cast<const std::uint16_t*>(run.places[from.value.index()]);
  const std::size_t first = static_cast<std::size_t>(from.first) + head * to.head_dim;
  for (std::size_t key = 0; key < to.key_count; ++key, wide += to.head_dim) {
    const std::size_t row = static_cast<std::size_t>(to.keys[key]) * run.width_of(from.value);
    std::transform(pages + row + first, pages + row + first + to.head_dim, wide, f16_to_f32);
  }
}

/// The same head with its keys and values widened into scratch; returns the rest of it.
float* widen(const op::Attention& op, const RunState& run, std::size_t head, AttentionHead& paged,
             std::vector<std::int32_t>& numbers, float* scratch) {
  const std::size_t shared = head / static_cast<std::size_t>(op.heads / op.kv_heads);
  const std::size_t floats = paged.key_count * paged.head_dim;
  widen_columns(run, op.k, shared, paged, scratch);
  widen_columns(run, op.v, shared, paged, scratch + floats);
  numbers.resize(paged.key_count);
  std::iota(numbers.begin(), numbers.end(), 0);
  paged.k = scratch;
  paged.v = scratch + floats;
  paged.k_stride = paged.v_stride = paged.head_dim;
  paged.keys = numbers.data();
  return scratch + 2 * floats;
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

/// A task for each head of each sequence.
Result<> run_paged(const op::Attention& op, ValueId output, RunState& run) {
  IA_TRY(find_attended(op, run));
  const std::size_t batch = run.size_of(op.q.value, 0), queries = run.size_of(op.q.value, 1);
  const auto heads = static_cast<std::size_t>(op.heads);
  std::vector<std::vector<KeyRange>> seen(batch);
  for (std::size_t b = 0; b < batch && op.causal; ++b) {
    if (!attended_by(run, b).empty()) seen[b] = seen_in_pages(op, run, b);
  }
  run.program.pool->run(static_cast<std::int64_t>(batch * heads), [&](std::int64_t index, int thread) {
    const std::size_t b = static_cast<std::size_t>(index) / heads, h = static_cast<std::size_t>(index) % heads;
    AttentionHead head = paged_head(op, output, run, b, h);
    for (std::size_t i = 0; i < queries && head.key_count == 0; ++i) {
      std::fill_n(head.y + i * head.y_stride, head.head_dim, 0.0f);
    }
    if (head.key_count == 0) return;
    if (op.causal) head.seen = seen[b].data();
    float* scratch = run.scratch.data() + static_cast<std::size_t>(thread) * run.scratch_stride;
    std::vector<std::int32_t> numbers;
    if (dtype_of(run) == Dtype::kF16) scratch = widen(op, run, h, head, numbers, scratch);
    run.program.kernels->attention(head, 0, queries, scratch);
  });
  return {};
}

}  // namespace

Result<> run(const op::Attention& op, ValueId output, RunState& run) {
  if (op.paging.table) return run_paged(op, output, run);
  IA_TRY(find_attended(op, run));
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
  const auto head_dim = static_cast<std::size_t>(op.head_dim);
  if (op.paging.table) {  // in f16 pages keys and values are widened beside
    const auto keys = static_cast<std::size_t>(sizing.graph.shape_of(op.paging.table, sizing.shape)[1] * kPageRows);
    const std::size_t wide = sizing.state_dtype == Dtype::kF16 ? 2 * keys * head_dim : 0;
    return sizing.kernels.attention_scratch(keys, head_dim) + wide;
  }
  const std::int64_t keys = sizing.graph.shape_of(op.k.value, sizing.shape)[1];
  return sizing.kernels.attention_scratch(static_cast<std::size_t>(keys), head_dim);
}

}  // namespace ipfs_accelerate::cpu
