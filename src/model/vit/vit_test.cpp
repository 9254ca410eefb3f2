// Tests of ViT's graph on a tiny model made up here; its numbers are compared in tests/golden/vision_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "model/model.h"

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::json;

Json vit_config() {
  return {{"model_type", "vit"},      {"hidden_size", 8},        {"num_hidden_layers", 2},
          {"num_attention_heads", 2}, {"intermediate_size", 12}, {"image_size", 12},
          {"patch_size", 4},          {"num_channels", 2},       {"id2label", {{"0", "cat"}, {"1", "dog"}}},
          {"pooler_output_size", 6}};
}

TensorTable vit_table(bool qkv_bias = true) {
  TensorTable table;
  const auto put = [&](const std::string& name, Shape shape) { table[name] = {name, Dtype::kF32, std::move(shape)}; };
  const auto linear = [&](const std::string& base, std::int64_t rows, std::int64_t columns, bool bias = true) {
    put(base + ".weight", {rows, columns});
    if (bias) put(base + ".bias", {rows});
  };
  const auto norm = [&](const std::string& base) {
    put(base + ".weight", {8});
    put(base + ".bias", {8});
  };
  put("vit.embeddings.cls_token", {1, 1, 8});
  put("vit.embeddings.position_embeddings", {1, 10, 8});
  put("vit.embeddings.patch_embeddings.projection.weight", {8, 2, 4, 4});
  put("vit.embeddings.patch_embeddings.projection.bias", {8});
  for (int layer = 0; layer < 2; ++layer) {
    const std::string at = "vit.encoder.layer." + std::to_string(layer) + ".";
    for (const char* name : {"query", "key", "value"}) linear(at + "attention.attention." + name, 8, 8, qkv_bias);
    linear(at + "attention.output.dense", 8, 8);
    linear(at + "intermediate.dense", 12, 8);
    linear(at + "output.dense", 8, 12);
    norm(at + "layernorm_before");
    norm(at + "layernorm_after");
  }
  norm("vit.layernorm");
  linear("vit.pooler.dense", 6, 8);
  linear("classifier", 2, 8);
  return table;
}

std::vector<std::string> output_names(const Graph& graph) {
  std::vector<std::string> names;
  for (const ValueId id : graph.outputs) names.push_back(graph.value(id).name);
  return names;
}

TEST(Vit, EachHeadHasItsOutputs) {
  using Names = std::vector<std::string>;
  const auto built = [](HeadOptions options) {
    auto model = build_model(vit_config().dump(), vit_table(), options);
    EXPECT_TRUE(model) << model.error().message;
    return *std::move(model);
  };
  const BuiltModel classify = built({.head = Head::kClassify});
  EXPECT_EQ(output_names(classify.graph()), Names{"logits"});
  EXPECT_EQ(classify.facts.labels, (Names{"cat", "dog"}));
  EXPECT_EQ(classify.facts.model_type, "image_classification");
  EXPECT_EQ(classify.facts.channels, 2);
  EXPECT_EQ(classify.facts.picture_size, 12);
  EXPECT_EQ(classify.facts.patch_size, 4);
  const Graph& graph = classify.graph();
  ASSERT_EQ(graph.inputs.size(), 1u);
  EXPECT_EQ(graph.value(graph.inputs[0]).name, "pixel_values");
  EXPECT_EQ(graph.dims_text(graph.value(graph.inputs[0]).dims), "[batch, 2, height, width]");
  const BuiltModel hidden = built({.head = Head::kHidden, .hidden_states = true});
  EXPECT_EQ(output_names(hidden.graph()),
            (Names{"last_hidden_state", "hidden_states.0", "hidden_states.1", "hidden_states.2", "pooler_output"}));
  const ValueId last = hidden.graph().find("last_hidden_state");
  EXPECT_EQ(hidden.graph().shape_of(last, {{kBatch, 3}, {kHeight, 8}, {kWidth, 21}}), (Shape{3, 11, 8}));
  const BuiltModel vector = built({.head = Head::kEmbedding, .normalize = true, .hidden_states = true});
  EXPECT_EQ(output_names(vector.graph()), (Names{"embedding", "pooled", "hidden_states.0", "hidden_states.1",
                                                 "hidden_states.2", "last_hidden_state", "pooler_output"}));
  EXPECT_EQ(build_model(vit_config().dump(), vit_table(), {.head = Head::kMaskedTokens}).error().code,
            ErrorCode::kUnknownTask);
}

TEST(Vit, ProjectionsMayHaveNoBias) {
  Json config = vit_config();
  EXPECT_EQ(build_model(config.dump(), vit_table(false), {}).error().code, ErrorCode::kMissingWeight);
  config["qkv_bias"] = false;
  EXPECT_TRUE(build_model(config.dump(), vit_table(false), {}));
}

TEST(Vit, RefusesConfigurationsThatCannotBe) {
  const auto error_with = [](const char* key, Json value, Head head = Head::kClassify) {
    Json config = vit_config();
    config[key] = std::move(value);
    const auto model = build_model(config.dump(), vit_table(), {.head = head});
    return model ? Error{ErrorCode{}, ""} : model.error();
  };
  EXPECT_EQ(error_with("image_size", Json::array({12, 12})).code, ErrorCode::kMalformedConfig);
  EXPECT_EQ(error_with("image_size", 1 << 20).code, ErrorCode::kMalformedConfig);
  EXPECT_EQ(error_with("patch_size", 0).code, ErrorCode::kMalformedConfig);
  EXPECT_THAT(error_with("patch_size", 13).message, testing::HasSubstr("'patch_size' 13 is above 'image_size' 12"));
  EXPECT_EQ(error_with("num_attention_heads", 3).code, ErrorCode::kMalformedConfig);
  EXPECT_EQ(error_with("image_size", 16).code, ErrorCode::kWrongShape);  // 17 positions, 10 are stored
  EXPECT_EQ(error_with("num_hidden_layers", 4096).code, ErrorCode::kMissingWeight);
  EXPECT_EQ(error_with("id2label", Json{{"0", "a"}}).code, ErrorCode::kWrongShape);
}

}  // namespace
}  // namespace ipfs_accelerate
