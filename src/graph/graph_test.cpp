// Tests of the builder, the shape rules, slices and the memory planner.
#include "graph/graph.h"

#include <gtest/gtest.h>

#include <cmath>

#include "graph/memory.h"
#include "graph/test_symbols.h"

namespace ipfs_accelerate {
namespace {

/// A tiny encoder layer: embed, qkv, attention, dense with residual, norm, pool.
Result<Graph> small_graph(std::int64_t hidden = 8) {
  TestBuilder b;
  const std::vector<Dim> tokens{kBatchDim, kSequenceDim};
  const ValueId ids = b.input("ids", Dtype::kI32, tokens), mask = b.input("mask", Dtype::kI32, tokens);
  op::Embed embed{.ids = ids, .word = b.weight("word", {20, 8})};
  const ValueId x = b.add("embed", embed);
  const ValueId qkv = b.add("qkv", op::Linear{.x = x, .weight = b.stack({"q", "k", "v"}, {24, hidden})});
  const ValueId a = b.add("attention", masked_attention(qkv, mask, 2, 4));
  const ValueId dense = b.add("dense", op::Linear{.x = a, .residual = x, .weight = b.weight("o", {8, 8})});
  const ValueId norm =
      b.add("norm", op::LayerNorm{.x = dense, .gamma = b.weight("g", {8}), .beta = b.weight("b", {8})});
  b.output(norm, "last_hidden_state");
  b.output(b.add("pool", op::Pool{.x = norm, .mask = mask}), "embedding");
  return b.finish();
}

TEST(Graph, BuilderInfersShapes) {
  auto graph = small_graph();
  ASSERT_TRUE(graph) << graph.error().message;
  EXPECT_EQ(graph->dims_text(graph->value(graph->find("qkv")).dims), "[batch, sequence, 24]");
  EXPECT_EQ(graph->dims_text(graph->value(graph->find("embedding")).dims), "[batch, 8]");
  EXPECT_EQ(graph->shape_of(graph->find("qkv"), usual_shape(3, 5)), (Shape{3, 5, 24}));
  EXPECT_EQ(graph->find("nothing"), kNoValue);
  EXPECT_EQ(graph->weights.size(), 5u);
  EXPECT_EQ(graph->weights[1].parts, (std::vector<std::string>{"q", "k", "v"}));
  EXPECT_EQ(op_name(graph->nodes[2].op), "attention");
  EXPECT_EQ(inputs_of(graph->nodes[3].op).size(), 2u);
  EXPECT_EQ(weights_of(graph->nodes[3].op).size(), 1u);
}

TEST(Graph, BuilderKeepsTheFirstMistake) {
  auto graph = small_graph(9);
  ASSERT_FALSE(graph);
  EXPECT_EQ(graph.error().code, ErrorCode::kWrongShape);
  EXPECT_NE(graph.error().message.find("'qkv'"), std::string::npos) << graph.error().message;
}

TEST(Graph, BuilderRefusesWhatCannotBe) {
  TestBuilder b;
  const ValueId x = b.input("x", Dtype::kF32, {kRowsDim, dim(4)});
  b.output(b.add("n", op::Normalize{.x = x}), "y");
  b.add("n", op::Normalize{.x = x});  // a fresh name again: "n" became "y"
  b.add("n", op::Normalize{.x = x});
  EXPECT_EQ(b.finish().error().code, ErrorCode::kInternal);

  TestBuilder same;
  same.weight("w", {2, 2});
  same.weight("w", {2, 3});
  EXPECT_EQ(same.finish().error().code, ErrorCode::kWrongShape);
  EXPECT_EQ(GraphBuilder().finish().error().code, ErrorCode::kInternal);
}

TEST(Graph, ShapeRulesRefuseMisfits) {
  Graph g;
  g.symbols = {batch_symbol(), sequence_symbol(), rows_symbol()};
  g.values = {{"ids", Dtype::kI32, {kBatchDim, kSequenceDim}},
              {"x", Dtype::kF32, {kBatchDim, kSequenceDim, dim(6)}},
              {"rows", Dtype::kI32, {kRowsDim}},
              {"bias", Dtype::kF32, {dim(3), kSequenceDim, kSequenceDim}},
              {"scores", Dtype::kF32, {kRowsDim, dim(7)}}};
  g.weights = {{"word", {"word"}, {10, 6}}, {"v5", {"v5"}, {5}}, {"v6", {"v6"}, {6}}, {"m", {"m"}, {4, 5}}};
  auto bad = [&](Op op) { return !infer(g, op).has_value(); };
  EXPECT_FALSE(bad(op::Embed{.ids = {0}, .word = {0}, .gamma = {2}}));
  EXPECT_TRUE(bad(op::Embed{.ids = {1}, .word = {0}}));                   // f32 ids
  EXPECT_TRUE(bad(op::Embed{.ids = {0}, .word = kNoWeight}));             // no table
  EXPECT_TRUE(bad(op::Embed{.ids = {0}, .word = {0}, .position = {0}}));  // table without ids
  EXPECT_TRUE(bad(op::Embed{.ids = {0}, .type_ids = {0}, .word = {0}, .type = {3}}));
  EXPECT_TRUE(bad(op::Embed{.ids = {0}, .word = {0}, .gamma = {1}}));
  EXPECT_TRUE(bad(op::Embed{.ids = {0}, .word = {99}}));
  EXPECT_TRUE(bad(op::Linear{.x = {1}, .weight = {3}}));
  EXPECT_TRUE(bad(op::Linear{.x = {77}, .weight = {0}}));
  EXPECT_FALSE(bad(op::Linear{.x = {1}, .weight = {0}}));
  EXPECT_TRUE(bad(op::Linear{.x = {1}, .residual = {1}, .weight = {0}}));  // residual 6, output 10
  EXPECT_TRUE(bad(op::Linear{.x = {1}, .weight = {0}, .bias = {1}}));
  EXPECT_TRUE(bad(op::LayerNorm{.x = {1}, .gamma = {1}}));
  EXPECT_TRUE(bad(op::LayerNorm{.x = {1}, .gamma = kNoWeight}));
  EXPECT_FALSE(bad(op::self_attention({1}, 2, 1)));
  EXPECT_TRUE(bad(op::self_attention({1}, 2, 3)));
  EXPECT_TRUE(bad(op::self_attention({1}, 0, 3)));
  EXPECT_TRUE(bad(masked_attention({1}, kNoValue, 2, 1, {3})));
  const auto attention = [](auto change) {
    op::Attention op = op::self_attention({1}, 2, 1);
    change(op);
    return op;
  };
  EXPECT_FALSE(bad(attention([](auto& op) { op.kv_heads = 1; })));
  EXPECT_TRUE(bad(attention([](auto& op) { op.kv_heads = 0; })));
  EXPECT_TRUE(bad(attention([](auto& op) { op.heads = 3, op.kv_heads = 2; })));
  EXPECT_TRUE(bad(attention([](auto& op) { op.v.first = 5; })));
  EXPECT_TRUE(bad(attention([](auto& op) { op.k.first = -1; })));
  EXPECT_TRUE(bad(attention([](auto& op) { op.window = 2; })));
  EXPECT_FALSE(bad(attention([](auto& op) { op.causal = true, op.window = 2; })));
  EXPECT_TRUE(bad(attention([](auto& op) { op.soft_cap = -1; })));
  EXPECT_TRUE(bad(attention([](auto& op) { op.soft_cap = std::nanf(""); })));
  EXPECT_TRUE(bad(op::RelativeBias{.table = {3}, .length = kSequenceDim, .buckets = 5}));
  EXPECT_FALSE(bad(op::RelativeBias{.table = {3}, .length = kSequenceDim, .buckets = 4}));
  EXPECT_TRUE(bad(op::RelativeBias{.table = {3}, .buckets = 4}));
  EXPECT_TRUE(bad(op::RelativeBias{.table = {3}, .length = kSequenceDim, .buckets = 4, .max_distance = 1}));
  EXPECT_FALSE(bad(op::SelectRows{.x = {1}, .rows = {2}}));
  EXPECT_TRUE(bad(op::SelectRows{.x = {1}, .rows = {0}}));
  EXPECT_FALSE(bad(op::Scale{.x = {1}, .factor = 2}));
  EXPECT_TRUE(bad(op::Scale{.x = {0}, .factor = 2}));
  EXPECT_TRUE(bad(op::Scale{.x = {1}, .factor = INFINITY}));
  EXPECT_FALSE(bad(op::SoftCap{.x = {1}, .cap = 30}));
  EXPECT_TRUE(bad(op::SoftCap{.x = {1}, .cap = 0}));
  EXPECT_TRUE(bad(op::SoftCap{.x = {1}, .cap = NAN}));
  EXPECT_FALSE(bad(op::RmsNorm{.x = {1}, .gamma = {2}}));
  EXPECT_TRUE(bad(op::RmsNorm{.x = {1}, .gamma = {1}}));
  EXPECT_TRUE(bad(op::RmsNorm{.x = {1}}));
  EXPECT_FALSE(bad(op::Gate{.x = {1}}));
  EXPECT_TRUE(bad(op::Gate{.x = {3}}));  // its last dimension is no number
  EXPECT_FALSE(bad(op::ArgMax{.x = {4}}));
  EXPECT_TRUE(bad(op::ArgMax{.x = {1}}));  // three dimensions
  EXPECT_TRUE(bad(op::ArgMax{.x = {2}}));  // i32
  EXPECT_FALSE(bad(op::DistanceBias{.table = {3}, .distances = 5, .max_distance = 3}));
  EXPECT_TRUE(bad(op::DistanceBias{.table = {3}, .distances = 5, .max_distance = 2}));
  EXPECT_TRUE(bad(op::DistanceBias{.table = {3}, .distances = 0, .max_distance = 3}));
  EXPECT_TRUE(bad(op::DistanceBias{.table = {3}, .distances = (1 << 20) + 1, .max_distance = 3}));
  EXPECT_TRUE(bad(op::DistanceBias{.distances = 5}));
  EXPECT_TRUE(bad(op::Pool{.x = {1}, .mask = {2}}));
}

TEST(Graph, AnOpSaysWhatItsOutputIs) {
  TestBuilder b;
  const ValueId x = b.input("x", Dtype::kF32, {kBatchDim, kSequenceDim, dim(4)});
  const ValueId rows = b.input("rows", Dtype::kI32, {kRowsDim});
  const ValueId most = b.add("most", op::ArgMax{.x = b.add("picked", op::SelectRows{.x = x, .rows = rows})});
  b.output(b.add("again", op::SelectRows{.x = x, .rows = most}), "y");  // i32 is what it reads
  const auto graph = b.finish();
  ASSERT_TRUE(graph) << graph.error().message;
  EXPECT_EQ(graph->value(most).dtype, Dtype::kI32);
  EXPECT_EQ(graph->value(graph->find("picked")).dtype, Dtype::kF32);
  EXPECT_EQ(graph->dims_text(graph->value(most).dims), "[rows]");
}

TEST(Graph, RopeRefusesMisfits) {
  Graph g;
  g.symbols = {batch_symbol(), sequence_symbol()};
  g.values = {{"x", Dtype::kF32, {kBatchDim, kSequenceDim, dim(10)}},
              {"positions", Dtype::kI32, {kBatchDim, kSequenceDim}},
              {"other", Dtype::kI32, {kBatchDim}}};
  const auto bad = [&](auto change) {
    op::Rope op{.x = {0}, .positions = {1}, .heads = 2, .head_dim = 5, .rotary_dim = 4, .frequencies = {1, 0.1f}};
    change(op);
    return !infer(g, op).has_value();
  };
  EXPECT_FALSE(bad([](auto&) {}));
  EXPECT_TRUE(bad([](auto& op) { op.positions = {2}; }));
  EXPECT_TRUE(bad([](auto& op) { op.positions = {}; }));
  EXPECT_TRUE(bad([](auto& op) { op.x = {1}; }));
  EXPECT_TRUE(bad([](auto& op) { op.heads = 3; }));  // 15 of 10 columns
  EXPECT_TRUE(bad([](auto& op) { op.heads = 0; }));
  EXPECT_TRUE(bad([](auto& op) { op.heads = op.head_dim = 1 << 30; }));
  EXPECT_TRUE(bad([](auto& op) { op.rotary_dim = 3; }));
  EXPECT_TRUE(bad([](auto& op) { op.rotary_dim = 6, op.frequencies.resize(3); }));
  EXPECT_TRUE(bad([](auto& op) { op.frequencies.push_back(1); }));
  EXPECT_TRUE(bad([](auto& op) { op.frequencies[1] = NAN; }));
  EXPECT_TRUE(bad([](auto& op) { op.frequencies[1] = 2000; }));
  EXPECT_TRUE(bad([](auto& op) { op.factor = INFINITY; }));
}

TEST(Graph, ACausalQuerySeesUpToItsOwnPlace) {
  op::Attention op;
  const auto sight = [&](std::int64_t query, std::int64_t queries, std::int64_t keys) {
    const Sight seen = sight_of(op, query, queries, keys);
    return std::pair(seen.first, seen.end);
  };
  EXPECT_EQ(sight(1, 4, 6), (std::pair<std::int64_t, std::int64_t>(0, 6)));
  op.causal = true;
  EXPECT_EQ(sight(0, 4, 4), (std::pair<std::int64_t, std::int64_t>(0, 1)));
  EXPECT_EQ(sight(3, 4, 4), (std::pair<std::int64_t, std::int64_t>(0, 4)));
  EXPECT_EQ(sight(0, 1, 9), (std::pair<std::int64_t, std::int64_t>(0, 9)));
  EXPECT_EQ(sight(0, 5, 2), (std::pair<std::int64_t, std::int64_t>(0, 1)));  // never nothing
  op.window = 3;
  EXPECT_EQ(sight(3, 4, 6), (std::pair<std::int64_t, std::int64_t>(3, 6)));
  EXPECT_EQ(sight(1, 4, 4), (std::pair<std::int64_t, std::int64_t>(0, 2)));
}

TEST(Graph, SliceKeepsIdsAndNames) {
  auto graph = small_graph();
  ASSERT_TRUE(graph);
  const Graph part = slice(*graph, 2, 4);
  ASSERT_EQ(part.nodes.size(), 2u);
  std::vector<std::string> in, out;
  for (ValueId id : part.inputs) in.push_back(part.value(id).name);
  for (ValueId id : part.outputs) out.push_back(part.value(id).name);
  EXPECT_EQ(in, (std::vector<std::string>{"mask", "embed", "qkv"}));
  EXPECT_EQ(out, (std::vector<std::string>{"dense"}));
  EXPECT_EQ(used_weights(part), (std::vector<WeightId>{{2}}));
  const Graph whole = slice(*graph, 0, graph->nodes.size());
  EXPECT_EQ(whole.inputs, graph->inputs);
  EXPECT_EQ(whole.outputs, graph->outputs);
}

std::vector<std::int64_t> sizes_of(const Graph& graph, const ShapeClass& shape) {
  return computed_bytes(graph, [&](ValueId id) { return *element_count(graph.shape_of(id, shape)) * 4; });
}

/// Every pair of values alive at the same node has separate bytes.
void expect_no_overlap(const Graph& graph, const std::vector<std::int64_t>& sizes, const MemoryPlan& plan) {
  struct Range {
    std::int32_t room;
    std::int64_t begin, end;
    std::size_t first, last;
  };
  std::vector<Range> ranges;
  for (std::size_t v = 0; v < graph.values.size(); ++v) {
    const auto& spot = plan.spots[v];
    EXPECT_EQ(spot.room < 0, sizes[v] < 0) << v;
    if (spot.room < 0) continue;
    Range r{spot.room, spot.offset, spot.offset + sizes[v], 0, 0};
    for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
      if (graph.nodes[n].output == id_of<ValueId>(v)) r.first = r.last = n;
      if (std::ranges::contains(inputs_of(graph.nodes[n].op), id_of<ValueId>(v))) r.last = n;
    }
    if (std::ranges::contains(graph.outputs, id_of<ValueId>(v))) r.last = graph.nodes.size();
    EXPECT_LE(r.end, plan.rooms[static_cast<std::size_t>(r.room)]);
    ranges.push_back(r);
  }
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const Range &a = ranges[i], &b = ranges[j];
      const bool together = a.room == b.room && a.first <= b.last && b.first <= a.last;
      EXPECT_TRUE(!together || a.end <= b.begin || b.end <= a.begin) << i << " and " << j;
    }
  }
}

TEST(Memory, NeverOverlapsAndReusesRoom) {
  auto graph = small_graph();
  ASSERT_TRUE(graph);
  for (const Rooms rooms : {Rooms::kArena, Rooms::kBuffers}) {
    for (std::int64_t sequence : {1, 7, 64}) {
      for (std::int64_t alignment : {4, 64, 256}) {
        const auto sizes = sizes_of(*graph, usual_shape(3, sequence));
        const MemoryPlan plan = plan_memory(*graph, sizes, rooms, alignment);
        expect_no_overlap(*graph, sizes, plan);
        for (const auto& spot : plan.spots) EXPECT_EQ(spot.offset % alignment, 0);
        EXPECT_EQ(plan.spots[0].room, -1);  // a graph input
      }
    }
    const auto sizes = sizes_of(*graph, usual_shape(1, 64));
    std::int64_t sum = 0;
    for (const std::int64_t size : sizes) sum += std::max<std::int64_t>(size, 0);
    EXPECT_LT(plan_memory(*graph, sizes, rooms, 4).bytes(), sum);
  }
}

TEST(Memory, AnOpNeverReadsAndWritesOneBuffer) {
  auto graph = small_graph();
  ASSERT_TRUE(graph);
  const MemoryPlan plan = plan_memory(*graph, sizes_of(*graph, usual_shape(2, 9)), Rooms::kBuffers, 1);
  EXPECT_LT(plan.rooms.size(), graph->nodes.size());
  for (const Node& node : graph->nodes) {
    for (const ValueId id : inputs_of(node.op)) {
      const std::int32_t room = plan.spots[id.index()].room;
      EXPECT_TRUE(room < 0 || room != plan.spots[node.output.index()].room) << node.name;
    }
  }
}

TEST(Graph, RelativeBucketsAreT5s) {
  const op::RelativeBias both{.table = {0}};
  EXPECT_EQ(relative_bucket(0, both), 0);
  EXPECT_EQ(relative_bucket(-7, both), 7);
  EXPECT_EQ(relative_bucket(7, both), 23);
  EXPECT_EQ(relative_bucket(-8, both), 8);
  EXPECT_EQ(relative_bucket(-16, both), 10);  // 8 + log(2) / log(16) * 8
  EXPECT_EQ(relative_bucket(-1000, both), 15);
  EXPECT_EQ(relative_bucket(1000, both), 31);
  const op::RelativeBias causal{.table = {0}, .bidirectional = false};
  EXPECT_EQ(relative_bucket(5, causal), 0);
  EXPECT_EQ(relative_bucket(-15, causal), 15);
  EXPECT_EQ(relative_bucket(-1000, causal), 31);
}

TEST(Graph, DistanceBucketsLookBack) {
  const auto rows = distance_buckets({.table = {0}, .distances = 1001, .max_distance = 128}, 32);
  ASSERT_EQ(rows.size(), 1001u);
  EXPECT_EQ(rows[0], 0);
  EXPECT_EQ(rows[15], 15);
  EXPECT_EQ(rows[32], 21);  // 16 + log(2) / log(8) * 16
  EXPECT_EQ(rows[1000], 31);
}

}  // namespace
}  // namespace ipfs_accelerate
