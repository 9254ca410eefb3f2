// Tests of optional inputs: shape classes that leave them out, and graphs without them.
#include <gtest/gtest.h>

#include "graph/graph.h"
#include "graph/test_symbols.h"

namespace ipfs_accelerate {
namespace {

const std::vector<Dim> kTokens{kBatchDim, kSequenceDim};

/// embed with types, then a masked attention; ids, which no op can do without, are optional here too.
Graph typed_graph() {
  TestBuilder b;
  const ValueId ids = b.optional_input("ids", Dtype::kI32, kTokens), mask = b.input("mask", Dtype::kI32, kTokens);
  const ValueId types = b.optional_input("types", Dtype::kI32, kTokens);
  const ValueId x = b.add(
      "embed",
      op::Embed{.ids = ids, .type_ids = types, .word = b.weight("word", {20, 8}), .type = b.weight("kind", {2, 8})});
  const ValueId qkv = b.add("qkv", op::Linear{.x = x, .weight = b.weight("w", {24, 8})});
  b.output(b.add("attention", masked_attention(qkv, mask, 2, 4)), "y");
  return *b.finish();
}

ShapeClass without_inputs(std::initializer_list<std::string_view> names) {
  ShapeClass shape = usual_shape(2, 3);
  for (const std::string_view name : names) shape.leave_out(name);
  return shape;
}

std::vector<std::string> input_names(const Graph& graph) {
  std::vector<std::string> names;
  for (const ValueId id : graph.inputs) names.push_back(graph.value(id).name);
  return names;
}

TEST(ShapeClass, SaysAndComparesWhatIsAbsent) {
  ShapeClass all{{kBatch, 2}, {kSequence, 40}}, fewer = all;
  fewer.leave_out("token_type_ids");
  EXPECT_EQ(all.text(), "batch 2, sequence 40");
  EXPECT_EQ(fewer.text(), "batch 2, sequence 40, without token_type_ids");
  EXPECT_NE(all, fewer);
  EXPECT_TRUE(all < fewer || fewer < all);
  ShapeClass other = all;
  other.leave_out("mask");
  EXPECT_NE(other, fewer);
  fewer.leave_out("mask");
  other.leave_out("token_type_ids");
  EXPECT_EQ(other, fewer);  // in whatever order they were named
  EXPECT_EQ(fewer.text(), "batch 2, sequence 40, without mask, without token_type_ids");
}

TEST(Present, TakesTheInputAndTheFieldAway) {
  const Graph graph = typed_graph();
  const auto rest = present(graph, without_inputs({"types"}));
  ASSERT_TRUE(rest) << rest.error().message;
  EXPECT_EQ(input_names(*rest), (std::vector<std::string>{"ids", "mask"}));
  EXPECT_FALSE(std::get<op::Embed>(rest->nodes[0].op).type_ids);
  EXPECT_EQ(std::get<op::Embed>(rest->nodes[0].op).type, WeightId{1});
  EXPECT_EQ(inputs_of(rest->nodes[2].op), inputs_of(graph.nodes[2].op));  // others keep theirs
  EXPECT_EQ(rest->outputs, graph.outputs);
  EXPECT_EQ(rest->values.size(), graph.values.size());  // ids of values stay
  EXPECT_EQ(input_names(graph).size(), 3u);
  EXPECT_EQ(input_names(present(graph, usual_shape(2, 3)).value()).size(), 3u);
}

TEST(Present, IsNothingToASliceThatDoesNotReadIt) {
  const Graph later = slice(typed_graph(), 1, 3);
  const auto rest = present(later, without_inputs({"types"}));
  ASSERT_TRUE(rest) << rest.error().message;
  EXPECT_EQ(rest->inputs, later.inputs);
}

TEST(Present, RefusesWhatIsNoOptionalInput) {
  const auto message = [](const ShapeClass& shape) {
    const auto rest = present(typed_graph(), shape);
    if (rest) return std::string("nothing");
    EXPECT_EQ(rest.error().code, ErrorCode::kInvalidArgument);
    return rest.error().message;
  };
  EXPECT_EQ(message(without_inputs({"mask"})), "'mask' cannot be left out: it is no optional input of the model");
  EXPECT_EQ(message(without_inputs({"embed"})), "'embed' cannot be left out: it is no optional input of the model");
  EXPECT_EQ(message(without_inputs({"types", "pixels"})),
            "'pixels' cannot be left out: it is no optional input of the model");
  EXPECT_EQ(message(without_inputs({"ids"})), "'embed' cannot do without ids: embed: ids is missing");
}

/// Fields that hold ids in pieces: columns of a value, a paging.
TEST(Present, KnowsEveryFieldThatNamesAnInput) {
  TestBuilder b;
  const ValueId q = b.optional_input("q", Dtype::kF32, {kBatchDim, kSequenceDim, dim(8)});
  const ValueId table = b.input("table", Dtype::kI32, {kBatchDim, kRowsDim});
  const ValueId lengths = b.input("lengths", Dtype::kI32, {kBatchDim});
  const ValueId counts = b.optional_input("counts", Dtype::kI32, {kBatchDim});
  const ValueId keys = b.state("keys", pages_symbol(4), 8), values = b.state("values", pages_symbol(4), 8);
  const auto attention = [&](bool causal) {
    return op::Attention{.q = {q, 0},
                         .k = {keys, 0},
                         .v = {values, 0},
                         .paging = {table, lengths, counts},
                         .heads = 2,
                         .kv_heads = 2,
                         .head_dim = 4,
                         .causal = causal};
  };
  b.output(b.add("free", attention(false)), "y");
  const ValueId z = b.add("causal", attention(true));
  b.output(z, "z");
  const auto graph = b.finish();
  ASSERT_TRUE(graph) << graph.error().message;
  EXPECT_EQ(present(*graph, without_inputs({"q"})).error().message,
            "'free' cannot do without q: attention: q is missing");
  EXPECT_EQ(present(*graph, without_inputs({"counts"})).error().message,
            "'causal' cannot do without counts: attention: causal without counts");
  const auto rest = present(slice(*graph, 0, 1), without_inputs({"counts"}));
  ASSERT_TRUE(rest) << rest.error().message;
  EXPECT_FALSE(std::get<op::Attention>(rest->nodes[0].op).paging.counts);
  EXPECT_TRUE(std::get<op::Attention>(rest->nodes[0].op).paging.lengths);
}

TEST(Present, PartsAgreeOnWhatIsOptional) {
  const auto error = [](bool again) {
    TestBuilder b;
    for (const char* part : {"one", "two"}) {
      const bool optional = part == std::string("one") || again;
      const ValueId ids =
          optional ? b.optional_input("ids", Dtype::kI32, kTokens) : b.input("ids", Dtype::kI32, kTokens);
      b.output(b.add(part, op::Embed{.ids = ids, .word = b.weight("word", {20, 8})}), std::string("of_") + part);
      b.end_part(part);
    }
    const auto parts = b.finish_parts();
    return parts ? "" : parts.error().message;
  };
  EXPECT_EQ(error(true), "");
  EXPECT_EQ(error(false), "two graph values are called 'ids'");
}

TEST(Present, EmbedTakesTypesWithoutIdsAndNothingElse) {
  Graph g;
  g.symbols = {batch_symbol(), sequence_symbol()};
  g.values = {{"ids", Dtype::kI32, kTokens}};
  g.weights = {{"word", {"word"}, {10, 6}}, {"kind", {"kind"}, {2, 6}}, {"narrow", {"narrow"}, {2, 5}}};
  const auto bad = [&](Op op) { return !infer(g, op).has_value(); };
  EXPECT_FALSE(bad(op::Embed{.ids = {0}, .word = {0}, .type = {1}}));
  EXPECT_TRUE(bad(op::Embed{.ids = {0}, .word = {0}, .type = {2}}));
  EXPECT_TRUE(bad(op::Embed{.ids = {0}, .type_ids = {0}, .word = {0}}));
  EXPECT_TRUE(bad(op::Embed{.ids = {0}, .word = {0}, .position = {1}}));
  EXPECT_TRUE(bad(op::Embed{.ids = {0}, .position_ids = {0}, .word = {0}}));
}

}  // namespace
}  // namespace ipfs_accelerate
