// Lowering: the JSON is well formed for every op, inputs it does not use are marked, and limits lead to a reason.
#include "backend/webnn/lowering.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "graph/test_symbols.h"

namespace ipfs_accelerate::webnn {
namespace {

using Json = nlohmann::json;

/// What the npm Chromium offers, for the ops we use: floats, i32 indices, ranks up to 6 (gemm: 2).
Json all_limits() {
  const Json floats{"float32", "float16"}, numbers{"float32", "float16", "int32"},
      any{"float32", "float16", "int32", "uint8"};
  auto tensor = [](const Json& types, int min, int max) {
    return Json{{"dataTypes", types}, {"rankRange", {{"min", min}, {"max", max}}}};
  };
  Json limits{{"maxTensorByteLength", 2147483647}};
  for (auto op :
       {"gelu", "relu", "tanh", "sigmoid", "sqrt", "softmax", "reduceL2", "reduceSum", "reduceMax", "reduceMean"}) {
    limits[op] = {{"input", tensor(floats, 0, 6)}, {"output", tensor(floats, 0, 6)}};
  }
  for (auto op : {"reshape", "transpose", "cast", "split", "slice", "pad"}) limits[op] = {{"input", tensor(any, 0, 8)}};
  for (auto op : {"add", "sub", "mul", "div", "max", "min"})
    limits[op] = {{"a", tensor(numbers, 0, 6)}, {"b", tensor(numbers, 0, 6)}};
  limits["equal"] = {
      {"a", tensor(numbers, 0, 5)}, {"b", tensor(numbers, 0, 5)}, {"output", tensor(Json{"uint8"}, 0, 5)}};
  limits["matmul"] = {{"a", tensor(floats, 2, 5)}, {"b", tensor(floats, 2, 5)}};
  limits["gemm"] = {{"a", tensor(floats, 2, 2)}, {"b", tensor(floats, 2, 2)}, {"c", tensor(floats, 0, 2)}};
  limits["gather"] = {{"input", tensor(any, 1, 8)}, {"indices", tensor(Json{"int32"}, 0, 5)}};
  limits["layerNormalization"] = {
      {"input", tensor(floats, 0, 6)}, {"scale", tensor(floats, 0, 6)}, {"bias", tensor(floats, 0, 6)}};
  return limits;
}

/// A small encoder with every op once.
Graph every_op() {
  TestBuilder b;
  const auto ids = b.input("input_ids", Dtype::kI32, {kBatchDim, kSequenceDim});
  const auto mask = b.input("attention_mask", Dtype::kI32, {kBatchDim, kSequenceDim});
  const auto rows = b.input("rows", Dtype::kI32, {kRowsDim});
  auto x = b.add(
      "embed",
      op::Embed{
          .ids = ids, .word = b.weight("word", {50, 8}), .gamma = b.weight("g", {8}), .beta = b.weight("b", {8})});
  const auto bias = b.add("relative", op::RelativeBias{.table = b.weight("table", {32, 2}), .length = kSequenceDim});
  const auto qkv =
      b.add("qkv", op::Linear{.x = x, .weight = b.weight("qkv.w", {24, 8}), .bias = b.weight("qkv.b", {24})});
  x = b.add("attention", masked_attention(qkv, mask, 2, 4, bias));
  for (auto activation :
       {Activation::kGelu, Activation::kGeluTanh, Activation::kRelu, Activation::kTanh, Activation::kSilu}) {
    x = b.add("linear" + std::to_string(static_cast<int>(activation)),
              op::Linear{.x = x, .residual = x, .weight = b.weight("w", {8, 8}), .activation = activation});
  }
  x = b.add("norm", op::LayerNorm{.x = x, .residual = x, .gamma = b.weight("g", {8})});
  for (auto mode : {PoolMode::kMean, PoolMode::kCls, PoolMode::kMax, PoolMode::kMeanSqrtLength, PoolMode::kLastToken,
                    PoolMode::kWeightedMean}) {
    const auto name = "pool" + std::to_string(static_cast<int>(mode));
    b.output(b.add(name, op::Pool{.x = x, .mask = mask, .mode = mode}), name + ".out");
    b.output(b.add(name + "n", op::Pool{.x = x, .mode = mode}), name + ".unmasked");
  }
  b.output(b.add("unit", op::Normalize{.x = x}), "unit.out");
  b.output(b.add("rows.x", op::SelectRows{.x = x, .rows = rows}), "rows.out");
  b.output(b.add("scaled", op::Scale{.x = x, .factor = 0.5f}), "scaled.out");
  b.output(b.add("rms", op::RmsNorm{.x = x, .gamma = b.weight("g", {8})}), "rms.out");
  b.output(b.add("gate", op::Gate{.x = x}), "gate.out");
  b.output(b.add("back", op::DistanceBias{.table = b.weight("table", {32, 2}), .distances = 40}), "back.out");
  b.output(b.add("most", op::ArgMax{.x = b.add("picked", op::SelectRows{.x = x, .rows = rows})}), "most.out");
  auto graph = b.finish();
  EXPECT_TRUE(graph) << graph.error().message;
  return *graph;
}

Json lowered(const Graph& graph, const ShapeClass& shape, int precision = 32) {
  auto text = lower(graph, shape, all_limits().dump(), {.precision = precision});
  EXPECT_TRUE(text) << text.error().message;
  return text ? Json::parse(*text) : Json::object();
}

TEST(Lowering, DefinesEveryOperandOnceAndBeforeUse) {
  for (int precision : {32, 16}) {
    const Json plan = lowered(every_op(), usual_shape(3, 7, 2), precision);
    std::set<int> defined;
    auto define = [&](int operand) { EXPECT_TRUE(defined.insert(operand).second) << operand; };
    for (const auto& input : plan["inputs"]) define(input["operand"]);
    for (const auto& constant : plan["constants"]) define(constant["operand"]);
    for (const auto& call : plan["calls"]) {
      for (int operand : call["operands"]) EXPECT_TRUE(defined.contains(operand)) << call;
      for (int operand : call["named"]) EXPECT_TRUE(defined.contains(operand)) << call;
      for (int operand : call["results"]) define(operand);
    }
    for (const auto& output : plan["outputs"]) {
      EXPECT_TRUE(defined.contains(output["operand"]));
      EXPECT_EQ(output["dataType"], output["name"] == "most.out" ? "int32" : "float32");
    }
    EXPECT_EQ(defined.size(), plan["operands"]);
    EXPECT_EQ(plan["outputs"].size(), every_op().outputs.size());
  }
}

TEST(Lowering, DeclinesPatchesWhereWhatTheyLeaveCannotBeCutOff) {
  TestBuilder b;
  const Dim height = b.symbol(height_symbol()), width = b.symbol(width_symbol());
  const ValueId pixels = b.input("pixels", Dtype::kF32, {kBatchDim, dim(3), height, width});
  b.output(b.add("y", patches_of(b, pixels, 4)), "out");
  const Graph graph = *b.finish();
  Json without = all_limits();
  EXPECT_EQ(declines(graph, graph.nodes[0], without.dump(), {}), "");
  without.erase("slice");
  EXPECT_EQ(declines(graph, graph.nodes[0], without.dump(), {}), "WebNN has no slice here");
}

TEST(Lowering, ALinearIsOneGemmWithItsBiasAndTheStoredWeight) {
  TestBuilder b;
  const auto x = b.input("x", Dtype::kF32, {kBatchDim, kSequenceDim, dim(6)});
  b.output(
      b.add("y",
            op::Linear{
                .x = x, .weight = b.weight("w", {4, 6}), .bias = b.weight("c", {4}), .activation = Activation::kGelu}),
      "out");
  const Json plan = lowered(*b.finish(), usual_shape(2, 5, 1));
  ASSERT_EQ(plan["calls"].size(), 2u);
  EXPECT_EQ(plan["calls"][0]["op"], "gemm");
  EXPECT_EQ(plan["calls"][0]["options"]["bTranspose"], true);
  EXPECT_TRUE(plan["calls"][0]["named"].contains("c"));
  EXPECT_EQ(plan["calls"][1]["op"], "gelu");
  EXPECT_EQ(plan["inputs"][0]["shape"], Json({10, 6}));
  EXPECT_EQ(plan["outputs"][0]["shape"], Json({10, 4}));
}

TEST(Lowering, MarksInputsThatNoCallReads) {
  TestBuilder b;
  const auto ids = b.input("input_ids", Dtype::kI32, {kBatchDim, kSequenceDim});
  b.input("attention_mask", Dtype::kI32, {kBatchDim, kSequenceDim});
  b.output(b.add("y", op::Embed{.ids = ids, .word = b.weight("w", {9, 2})}), "out");
  const Json plan = lowered(*b.finish(), usual_shape(1, 3, 1));
  EXPECT_EQ(plan["inputs"][0]["used"], true);
  EXPECT_EQ(plan["inputs"][1]["used"], false);
}

TEST(Lowering, RelativeBiasRowsAreTheBuckets) {
  TestBuilder b;
  const op::RelativeBias bias{.table = b.weight("t", {32, 2}), .length = kSequenceDim};
  b.output(b.add("y", bias), "out");
  const Json plan = lowered(*b.finish(), usual_shape(1, 3, 1));
  std::vector<double> expected;
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) expected.push_back(relative_bucket(j - i, bias));
  }
  bool found = false;
  for (const auto& constant : plan["constants"])
    found |= constant.contains("values") && constant["values"] == Json(expected);
  EXPECT_TRUE(found);
}

TEST(Lowering, TakesEveryOpWithAllLimitsAndNoneWithout) {
  const Graph graph = every_op();
  for (const auto& node : graph.nodes) {
    EXPECT_EQ(declines(graph, node, all_limits().dump(), {}), "") << node.name;
    EXPECT_NE(declines(graph, node, "{}", {}), "") << node.name;
    EXPECT_NE(declines(graph, node, "no json", {}), "") << node.name;
  }
  auto refused = lower(graph, usual_shape(1, 4), "{}", {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupportedOp);
}

TEST(Lowering, LeavesRotaryPositionsToTheCpu) {
  TestBuilder b;
  const auto x = b.input("x", Dtype::kF32, {kBatchDim, kSequenceDim, dim(4)});
  const auto positions = b.input("positions", Dtype::kI32, {kBatchDim, kSequenceDim});
  const op::Rope rope{
      .x = x, .positions = positions, .heads = 1, .head_dim = 4, .rotary_dim = 2, .frequencies = {1.0f}};
  b.output(b.add("rope", rope), "out");
  const Graph graph = *b.finish();
  EXPECT_THAT(declines(graph, graph.nodes[0], all_limits().dump(), {}), testing::HasSubstr("angles"));
}

TEST(Lowering, SaysWhatTheBrowserLacks) {
  const Graph graph = every_op();
  auto reason = [&](const Json& limits, const LoadOptions& options) {
    auto text = lower(graph, usual_shape(1, 4), limits.dump(), options);
    return text ? std::string() : text.error().message;
  };
  Json limits = all_limits();
  limits.erase("gelu");
  EXPECT_THAT(reason(limits, {}), testing::HasSubstr("linear1: WebNN has no gelu here"));
  limits = all_limits();
  limits["softmax"]["input"]["dataTypes"] = {"float32"};
  EXPECT_EQ(reason(limits, {}), "");
  EXPECT_THAT(reason(limits, {.precision = 16}),
              testing::HasSubstr("attention: WebNN's softmax takes no float16 as input here"));
  limits = all_limits();
  limits["matmul"]["a"]["rankRange"]["max"] = 3;
  EXPECT_THAT(reason(limits, {}), testing::HasSubstr("takes ranks 2 to 3 as a here, 4 is needed"));
  limits = all_limits();
  limits["maxTensorByteLength"] = 1000;
  EXPECT_THAT(reason(limits, {}), testing::HasSubstr("[50, 8] has 1600 bytes, WebNN allows 1000 here"));
}

/// A picture's patches and their positions.
Graph picture_graph() {
  GraphBuilder b;
  const Dim batch = b.symbol(batch_symbol()), height = b.symbol(height_symbol()), width = b.symbol(width_symbol());
  const ValueId pixels = b.input("pixels", Dtype::kF32, {batch, dim(3), height, width});
  const op::Patches patches = patches_of(b, pixels, 8);
  op::VisionEmbed embed{.x = b.add("patches", patches), .prefix = b.weight("class", {1, 192})};
  embed.position = b.weight("position", {17, 192});
  embed.rows = patches.rows;
  embed.columns = patches.columns;
  embed.tokens = tokens_of(b, patches.count, 1);
  b.output(b.add("embed", embed), "out");
  return *b.finish();
}

TEST(Lowering, APictureBecomesTokens) {
  const Graph graph = picture_graph();
  for (const Node& node : graph.nodes) EXPECT_EQ(declines(graph, node, all_limits().dump(), {}), "") << node.name;
  const Json same = lowered(graph, {{kBatch, 2}, {kHeight, 32}, {kWidth, 32}});
  const Json other = lowered(graph, {{kBatch, 2}, {kHeight, 40}, {kWidth, 60}});
  EXPECT_EQ(same["outputs"][0]["shape"], Json({2 * 17, 192}));
  EXPECT_EQ(other["outputs"][0]["shape"], Json({2 * (5 * 7 + 1), 192}));
  const auto count = [](const Json& plan, const char* op) {
    return std::ranges::count_if(plan["calls"], [&](const Json& call) { return call["op"] == op; });
  };
  EXPECT_EQ(count(same, "matmul"), 0);
  EXPECT_EQ(count(other, "matmul"), 2);  // along each axis
  // The columns beyond the last whole patch are cut off, where there are some.
  const auto cut = std::ranges::find(other["calls"], Json("slice"), [](const Json& call) { return call["op"]; });
  ASSERT_NE(cut, other["calls"].end());
  EXPECT_EQ((*cut)["arguments"], Json({{0, 0, 0}, {6, 40, 56}}));
}

TEST(Lowering, SharesTheMaskAmongLayers) {
  TestBuilder b;
  const auto qkv = b.input("qkv", Dtype::kF32, {kBatchDim, kSequenceDim, dim(24)});
  const auto mask = b.input("mask", Dtype::kI32, {kBatchDim, kSequenceDim});
  for (auto name : {"a", "b", "c"}) {
    b.output(b.add(name, masked_attention(qkv, mask, 2, 4)), std::string("out.") + name);
  }
  const Json plan = lowered(*b.finish(), usual_shape(2, 3, 1));
  int comparisons = 0;
  for (const auto& call : plan["calls"]) comparisons += call["op"] == "equal";
  EXPECT_EQ(comparisons, 1);
}

}  // namespace
}  // namespace ipfs_accelerate::webnn
