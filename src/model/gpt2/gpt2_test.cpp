// GPT-2's part, its states, and configurations that are refused.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "model/model.h"

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::json;
using Names = std::vector<std::string>;

Json config() {
  return {{"model_type", "gpt2"}, {"n_embd", 8},       {"n_layer", 1},      {"n_head", 2},
          {"vocab_size", 11},     {"n_positions", 40}, {"eos_token_id", 3}, {"architectures", {"GPT2LMHeadModel"}}};
}

TensorTable table(const std::string& prefix) {
  TensorTable tensors;
  const auto put = [&](const std::string& name, Shape shape) {
    tensors[prefix + name] = {prefix + name, Dtype::kF32, std::move(shape)};
  };
  put("wte.weight", {11, 8});
  put("wpe.weight", {40, 8});
  const auto pair = [&](const std::string& base, std::int64_t in, std::int64_t out) {
    put("h.0." + base + ".weight", {in, out});
    put("h.0." + base + ".bias", {out});
  };
  pair("attn.c_attn", 8, 24);
  pair("attn.c_proj", 8, 8);
  pair("mlp.c_fc", 8, 32);
  pair("mlp.c_proj", 32, 8);
  for (const std::string norm : {"h.0.ln_1", "h.0.ln_2", "ln_f"}) {
    put(norm + ".weight", {8});
    put(norm + ".bias", {8});
  }
  return tensors;
}

Result<BuiltModel> build(const Json& json, Head head = Head::kNextToken) {
  return build_model(json.dump(), table("transformer."), {.head = head});
}

ErrorCode code_of(const char* key, Json value) {
  Json json = config();
  json[key] = std::move(value);
  const auto built = build(json);
  return built ? ErrorCode{} : built.error().code;
}

Names names(const Graph& graph, const std::vector<ValueId>& ids) {
  Names found;
  for (const ValueId id : ids) found.push_back(graph.value(id).name);
  return found;
}

TEST(Gpt2, IsADecoderWithAStateForEachLayer) {
  const auto model = build(config());
  ASSERT_TRUE(model) << model.error().message;
  ASSERT_EQ(model->parts.size(), 2u);
  const Graph& graph = model->parts[0].graph;
  EXPECT_EQ(model->parts[0].name, "decoder");
  EXPECT_FALSE(model->parts[0].on_demand);
  EXPECT_EQ(names(graph, graph.inputs),
            (Names{"input_ids", "page_table", "lengths", "counts", "position_ids", "rows"}));
  EXPECT_EQ(names(graph, graph.outputs), (Names{"logits", "token"}));
  ASSERT_EQ(graph.states.size(), 1u);
  const ShapeClass shape{{kPages, 5}, {kBatch, 2}};
  EXPECT_EQ(graph.shape_of(graph.states[0].first, shape), (Shape{5, kPageRows, 16}));  // keys and values of 8
  EXPECT_EQ(graph.shape_of(graph.find("page_table"), shape), (Shape{2, 3}));           // 40 tokens are 3 pages
  EXPECT_EQ(model->facts.stop_ids, std::vector<std::int32_t>{3});
  EXPECT_EQ(model->facts.max_tokens, 40);
}

TEST(Gpt2, CopiesPagesOfEveryStateOnDemand) {
  const auto model = build(config());
  ASSERT_TRUE(model) << model.error().message;
  const Part& part = model->parts[1];
  EXPECT_EQ(part.name, "copy_pages");
  EXPECT_TRUE(part.on_demand);
  EXPECT_EQ(names(part.graph, part.graph.inputs), (Names{"from", "to"}));
  EXPECT_TRUE(part.graph.outputs.empty());
  ASSERT_EQ(part.graph.nodes.size(), 1u);
  EXPECT_EQ(part.graph.nodes[0].name, "cache.0.copy_pages");
}

TEST(Gpt2, ReadsTheOriginalNamesToo) {
  EXPECT_TRUE(build_model(config().dump(), table(""), {.head = Head::kNextToken}));
}

TEST(Gpt2, ScalesScoresUnlessToldNotTo) {
  const auto scale_of = [](const Json& json) {
    const auto model = build(json);
    for (const Node& node : model->graph().nodes) {
      if (const auto* attention = std::get_if<op::Attention>(&node.op)) return attention->scale;
    }
    return 0.0f;
  };
  Json json = config();
  EXPECT_EQ(scale_of(json), 0.5f);
  json["scale_attn_weights"] = false;
  EXPECT_EQ(scale_of(json), 1.0f);
}

TEST(Gpt2, RefusesWhatItDoesNotCompute) {
  EXPECT_EQ(code_of("add_cross_attention", true), ErrorCode::kUnknownArchitecture);
  EXPECT_EQ(code_of("scale_attn_by_inverse_layer_idx", true), ErrorCode::kUnknownArchitecture);
  EXPECT_EQ(code_of("n_head", 3), ErrorCode::kMalformedConfig);
  EXPECT_EQ(code_of("n_positions", 41), ErrorCode::kWrongShape);
  EXPECT_EQ(code_of("eos_token_id", "end"), ErrorCode::kMalformedConfig);
  EXPECT_EQ(build(config(), Head::kEmbedding).error().code, ErrorCode::kUnknownTask);
}

}  // namespace
}  // namespace ipfs_accelerate
