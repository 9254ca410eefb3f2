// Conformance cases of what keeps keys and values in pages: append, attention over pages, copies of pages.
#include "conformance/state_cases.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "conformance/case_maker.h"

namespace ipfs_accelerate {
namespace {

using Ints = std::vector<std::int32_t>;

/// One run: what each sequence adds, where it stands before, and what is copied first.
struct Step {
  Ints counts, lengths;
  std::vector<std::pair<std::int32_t, std::int32_t>> copies = {{0, 0}};
  std::vector<Ints> tables = {};  ///< of every sequence; empty: its own pages
};

struct Layout {
  std::int32_t heads = 2, kv_heads = 2, head_dim = 8, window = 0, distances = 0;
  float soft_cap = 0;
  bool causal = true;
};

constexpr std::int64_t kTable = 3;  // pages of a sequence

Tensor ints(const Shape& shape, const Ints& values) {
  Tensor tensor = Tensor::i32(shape);
  std::ranges::copy(values, tensor.i32s().begin());
  return tensor;
}

/// The pages of sequence b, in no order: every page is somebody's but the first.
Ints own_pages(std::int64_t b, std::int64_t batch) {
  Ints pages;
  for (std::int64_t i = 0; i < kTable; ++i) {
    pages.push_back(static_cast<std::int32_t>(1 + (b + (kTable - 1 - i) * batch)));
  }
  return pages;
}

/// Flattened numbers of the rows that are not padding; as many for every step, the last one repeated.
Ints valid_rows(const Step& step, std::int64_t sequence, std::size_t count) {
  Ints rows;
  for (std::size_t b = 0; b < step.counts.size(); ++b) {
    for (std::int32_t i = 0; i < step.counts[b]; ++i) {
      rows.push_back(static_cast<std::int32_t>(b) * static_cast<std::int32_t>(sequence) + i);
    }
  }
  rows.resize(count, rows.back());
  return rows;
}

std::vector<Tensor> inputs_of(const Step& step, const Layout& layout, std::int64_t sequence, std::size_t rows,
                              std::mt19937& random) {
  const auto batch = static_cast<std::int64_t>(step.counts.size());
  const auto floats = [&](const Shape& shape) {
    Tensor tensor = Tensor::f32(shape);
    for (float& value : tensor.f32s()) value = static_cast<float>(random() >> 8) / 8388608.0f - 1.0f;
    return tensor;
  };
  Ints table, from, to;
  for (std::int64_t b = 0; b < batch; ++b) {
    const auto at = static_cast<std::size_t>(b);
    table.append_range(step.tables.empty() ? own_pages(b, batch) : step.tables[at]);
  }
  for (const auto& [source, target] : step.copies) {
    from.push_back(source);
    to.push_back(target);
  }
  std::vector<Tensor> inputs{
      floats({batch, sequence, (layout.heads + 2 * layout.kv_heads) * layout.head_dim}),
      ints({batch, kTable}, table),
      ints({batch}, step.lengths),
      ints({batch}, step.counts),
      ints({static_cast<std::int64_t>(from.size())}, from),
      ints({static_cast<std::int64_t>(to.size())}, to),
      ints({static_cast<std::int64_t>(rows)}, valid_rows(step, sequence, rows)),
  };
  if (layout.distances > 0) inputs.push_back(floats({layout.heads, layout.distances}));
  return inputs;
}

Result<Graph> graph_of(const Layout& layout, std::int64_t copies) {
  TestBuilder b;
  const std::int32_t hidden = layout.heads * layout.head_dim, narrow = layout.kv_heads * layout.head_dim;
  const ValueId qkv = b.input("qkv", Dtype::kF32, {kBatchDim, kSequenceDim, dim(hidden + 2 * narrow)});
  const Paging paging{b.input("table", Dtype::kI32, {kBatchDim, dim(kTable)}),
                      b.input("lengths", Dtype::kI32, {kBatchDim}), b.input("counts", Dtype::kI32, {kBatchDim})};
  const ValueId from = b.input("from", Dtype::kI32, {dim(copies)}), to = b.input("to", Dtype::kI32, {dim(copies)});
  const ValueId rows = b.input("rows", Dtype::kI32, {kRowsDim});
  const ValueId empty = b.state("cache", {.name = "pages"}, 2 * narrow);
  const ValueId forked = b.add("copy_pages", op::CopyPages{.state = empty, .from = from, .to = to});
  const ValueId cache = b.add("append", op::Append{.x = {qkv, hidden}, .state = forked, .paging = paging});
  op::Attention attention{.q = {qkv, 0}, .k = {cache, 0}, .v = {cache, narrow}, .paging = paging};
  attention.heads = layout.heads;
  attention.kv_heads = layout.kv_heads;
  attention.head_dim = layout.head_dim;
  attention.scale = 1.0f / std::sqrt(static_cast<float>(layout.head_dim));
  attention.soft_cap = layout.soft_cap;
  attention.causal = layout.causal;
  attention.window = layout.window;
  if (layout.distances > 0) {
    attention.distance_bias = b.input("distance_bias", Dtype::kF32, {dim(layout.heads), dim(layout.distances)});
  }
  const ValueId mixed = b.add("attention", attention);
  b.output(b.add("select_rows", op::SelectRows{.x = mixed, .rows = rows}), "y");
  return b.finish();
}

ConformanceCase state_case(const std::string& name, const Layout& layout, std::int64_t sequence,
                           const std::vector<Step>& steps) {
  const auto batch = static_cast<std::int64_t>(steps[0].counts.size());
  std::size_t rows = 1;
  for (const Step& step : steps) {
    std::size_t sum = 0;
    for (const std::int32_t count : step.counts) sum += static_cast<std::size_t>(count);
    rows = std::max(rows, sum);
  }
  ConformanceCase made;
  made.op = "append";
  made.name = name;
  made.graph = graph_of(layout, static_cast<std::int64_t>(steps[0].copies.size())).value();
  made.shape = usual_shape(batch, sequence, static_cast<std::int64_t>(rows));
  made.shape.set("pages", 1 + batch * kTable);
  std::mt19937 random(static_cast<std::uint32_t>(name.size() * 7919 + rows));
  for (const Step& step : steps) made.later.push_back(inputs_of(step, layout, sequence, rows, random));
  made.inputs = std::move(made.later.front());
  made.later.erase(made.later.begin());
  return made;
}

/// One token at a time, over two page borders; the second sequence begins later.
std::vector<Step> token_by_token() {
  std::vector<Step> steps;
  for (std::int32_t i = 0; i < 36; ++i) steps.push_back({{1, i < 5 ? 0 : 1}, {i, std::max(i - 5, 0)}});
  return steps;
}

}  // namespace

void add_states(std::vector<ConformanceCase>& cases) {
  const std::vector<Step> unequal{{{20, 1, 7}, {0, 0, 0}}, {{3, 20, 0}, {20, 1, 7}}, {{16, 1, 18}, {23, 21, 7}}};
  cases.push_back(state_case("unequal_rows", {}, 20, unequal));
  cases.push_back(state_case("grouped_heads", {.heads = 6, .kv_heads = 2, .head_dim = 12}, 20, unequal));
  cases.push_back(state_case("odd_head_dim", {.heads = 3, .kv_heads = 1, .head_dim = 5}, 20, unequal));
  cases.push_back(state_case("window", {.window = 9}, 20, unequal));
  cases.push_back(state_case("soft_cap", {.head_dim = 32, .soft_cap = 3.0f}, 20, unequal));
  cases.push_back(state_case("distance_bias", {.distances = 11}, 20, unequal));
  cases.push_back(state_case("not_causal", {.causal = false}, 20, unequal));
  cases.push_back(state_case("long_prompt", {.heads = 2, .kv_heads = 1, .head_dim = 16}, 48, {{{48}, {0}}}));
  cases.push_back(state_case("token_by_token", {}, 1, token_by_token()));
  cases.push_back(
      state_case("token_by_token_grouped", {.heads = 4, .kv_heads = 1, .head_dim = 64}, 1, token_by_token()));
  // Thrown away from token 10 on, and other tokens in their place.
  cases.push_back(state_case("truncated", {}, 18, {{{18}, {0}}, {{4}, {10}}, {{18}, {14}}}));
  // Sequence 1 goes on from the 20 tokens of sequence 0: they share its first page, the second is a copy.
  const Ints first = own_pages(0, 2), second{first[0], own_pages(1, 2)[1], own_pages(1, 2)[2]};
  cases.push_back(state_case("forked", {}, 20,
                             {{{20, 2}, {0, 0}},
                              {{5, 7}, {20, 20}, {{first[1], second[1]}}, {first, second}},
                              {{1, 9}, {25, 27}, {{0, 0}}, {first, second}}}));
}

}  // namespace ipfs_accelerate
