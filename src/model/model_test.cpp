// Tests of config.json reading and of graphs built from it, on a tiny BERT made up here.
#include "model/model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "graph/memory.h"
#include "model/model_builder.h"

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::json;

Json bert_config() {
  return {{"model_type", "bert"},
          {"architectures", {"BertForMaskedLM"}},
          {"hidden_size", 8},
          {"num_hidden_layers", 2},
          {"num_attention_heads", 2},
          {"intermediate_size", 12},
          {"max_position_embeddings", 5},
          {"vocab_size", 11},
          {"pad_token_id", 0}};
}

void put(TensorTable& table, const std::string& name, Shape shape, Dtype dtype = Dtype::kF32) {
  table[name] = {name, dtype, std::move(shape)};
}
void put_linear(TensorTable& table, const std::string& base, std::int64_t rows, std::int64_t columns) {
  put(table, base + ".weight", {rows, columns});
  put(table, base + ".bias", {rows});
}

/// Every tensor of bert_config() with all heads, under `prefix`.
TensorTable bert_table(const std::string& prefix = "bert.") {
  TensorTable t;
  put(t, prefix + "embeddings.word_embeddings.weight", {11, 8});
  put(t, prefix + "embeddings.position_embeddings.weight", {5, 8});
  put(t, prefix + "embeddings.token_type_embeddings.weight", {2, 8});
  put(t, prefix + "embeddings.LayerNorm.weight", {8});
  put(t, prefix + "embeddings.LayerNorm.bias", {8});
  for (int layer = 0; layer < 2; ++layer) {
    const std::string at = prefix + "encoder.layer." + std::to_string(layer) + ".";
    for (const char* name : {"query", "key", "value"}) put_linear(t, at + "attention.self." + name, 8, 8);
    put_linear(t, at + "attention.output.dense", 8, 8);
    put_linear(t, at + "intermediate.dense", 12, 8);
    put_linear(t, at + "output.dense", 8, 12);
    for (const char* norm : {"attention.output.LayerNorm", "output.LayerNorm"}) {
      put(t, at + norm + ".weight", {8});
      put(t, at + norm + ".bias", {8});
    }
  }
  put_linear(t, prefix + "pooler.dense", 8, 8);
  put_linear(t, "cls.predictions.transform.dense", 8, 8);
  put(t, "cls.predictions.transform.LayerNorm.weight", {8});
  put(t, "cls.predictions.transform.LayerNorm.bias", {8});
  put(t, "cls.predictions.bias", {11});
  put_linear(t, "classifier", 3, 8);
  return t;
}

ErrorCode code_of(const Json& config, const TensorTable& table, const HeadOptions& options = {}) {
  const auto model = build_model(config.dump(), table, options);
  return model ? ErrorCode{} : model.error().code;
}

std::vector<std::string> names(const Graph& graph, const std::vector<ValueId>& ids) {
  std::vector<std::string> result;
  for (ValueId id : ids) result.push_back(graph.value(id).name);
  return result;
}

TEST(Model, EachHeadHasItsInputsAndOutputs) {
  using Names = std::vector<std::string>;
  const Names tokens{"input_ids", "position_ids", "token_type_ids", "attention_mask"};
  const auto built = [&](HeadOptions options) {
    auto model = build_model(bert_config().dump(), bert_table(), options);
    EXPECT_TRUE(model) << model.error().message;
    return *std::move(model);
  };
  const BuiltModel hidden = built({.head = Head::kHidden, .hidden_states = true});
  EXPECT_EQ(names(hidden.graph(), hidden.graph().inputs), tokens);
  EXPECT_EQ(names(hidden.graph(), hidden.graph().outputs),
            (Names{"last_hidden_state", "hidden_states.0", "hidden_states.1", "pooler_output"}));
  const BuiltModel embedding = built({.head = Head::kEmbedding, .normalize = true, .hidden_states = true});
  EXPECT_EQ(names(embedding.graph(), embedding.graph().outputs),
            (Names{"embedding", "hidden_states.0", "hidden_states.1", "hidden_states.2", "pooler_output", "pooled"}));
  const BuiltModel masked = built({.head = Head::kMaskedTokens});
  EXPECT_EQ(names(masked.graph(), masked.graph().inputs).back(), "rows");
  EXPECT_EQ(masked.graph().dims_text(masked.graph().value(masked.graph().outputs[0]).dims), "[rows, 11]");
  const BuiltModel all = built({.head = Head::kAllTokens});
  EXPECT_EQ(all.graph().dims_text(all.graph().value(all.graph().outputs[0]).dims), "[batch, sequence, 11]");
  const BuiltModel classify = built({.head = Head::kClassify});
  EXPECT_EQ(classify.graph().dims_text(classify.graph().value(classify.graph().outputs[0]).dims), "[batch, 3]");
  EXPECT_EQ(classify.facts.labels, (Names{"LABEL_0", "LABEL_1", "LABEL_2"}));
  EXPECT_EQ(classify.facts.model_type, "text_classification");
  EXPECT_EQ(classify.facts.max_tokens, 5);
  EXPECT_EQ(classify.facts.vocabulary, 11);
}

TEST(Model, QueryKeyValueAreOneWeight) {
  const auto model = build_model(bert_config().dump(), bert_table(), {});
  ASSERT_TRUE(model);
  const auto found = std::ranges::find_if(model->graph().weights, [](const Weight& w) { return w.parts.size() == 3; });
  ASSERT_NE(found, model->graph().weights.end());
  EXPECT_EQ(found->shape, (Shape{24, 8}));
  EXPECT_EQ(found->parts[1], "bert.encoder.layer.0.attention.self.key.weight");
}

TEST(Model, NamesWithoutPrefixAndOlderNormNames) {
  TensorTable older;
  for (const auto& [name, info] : bert_table("")) {
    std::string renamed = name;
    if (renamed.ends_with("LayerNorm.weight")) renamed.replace(renamed.size() - 6, 6, "gamma");
    if (renamed.ends_with("LayerNorm.bias")) renamed.replace(renamed.size() - 4, 4, "beta");
    put(older, renamed, info.shape);
  }
  put(older, "embeddings.position_ids", {1, 5}, Dtype::kI64);  // stray tensors are ignored
  EXPECT_EQ(code_of(bert_config(), older, {.head = Head::kMaskedTokens}), ErrorCode{});
}

TEST(Model, DecoderIsTiedUnlessTheConfigurationSaysOtherwise) {
  const auto decoder_name = [](const Json& config, const TensorTable& table) {
    const auto model = build_model(config.dump(), table, {.head = Head::kAllTokens});
    if (!model) return model.error().message;
    return model->graph().weight(std::get<op::Linear>(model->graph().nodes.back().op).weight).name;
  };
  TensorTable table = bert_table();
  put(table, "cls.predictions.decoder.weight", {11, 8});
  EXPECT_EQ(decoder_name(bert_config(), table), "bert.embeddings.word_embeddings.weight");
  Json untied = bert_config();
  untied["tie_word_embeddings"] = false;
  EXPECT_EQ(decoder_name(untied, table), "cls.predictions.decoder.weight");
  EXPECT_EQ(code_of(untied, bert_table(), {.head = Head::kAllTokens}), ErrorCode::kMissingWeight);
  table.erase("cls.predictions.bias");
  put(table, "cls.predictions.decoder.bias", {11});
  EXPECT_EQ(code_of(bert_config(), table, {.head = Head::kAllTokens}), ErrorCode{});
}

TEST(Model, RefusesConfigurationsThatCannotBe) {
  const TensorTable table = bert_table();
  const auto malformed = ErrorCode::kMalformedConfig;
  const auto with = [](const char* key, Json value) {
    Json config = bert_config();
    config[key] = std::move(value);
    return config;
  };
  for (const char* key : {"hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
                          "max_position_embeddings", "vocab_size", "model_type"}) {
    Json missing = bert_config();
    missing.erase(key);
    EXPECT_EQ(code_of(missing, table), malformed) << key;
    EXPECT_EQ(code_of(with(key, nullptr), table), malformed) << key;
    EXPECT_EQ(code_of(with(key, Json::array()), table), malformed) << key;
    if (std::string_view(key) == "model_type") continue;
    for (const Json& value : {Json("8"), Json(0), Json(-8), Json(8.5), Json(1e300), Json(UINT64_MAX)}) {
      EXPECT_EQ(code_of(with(key, value), table), malformed) << key << value;
    }
  }
  EXPECT_EQ(code_of(with("num_attention_heads", 3), table), malformed);
  EXPECT_EQ(code_of(with("pad_token_id", 11), table), malformed);  // outside the word table
  EXPECT_EQ(code_of(with("pad_token_id", -1), table), malformed);
  EXPECT_EQ(code_of(with("hidden_act", "mish"), table), malformed);
  EXPECT_EQ(code_of(with("layer_norm_eps", 0), table), malformed);
  EXPECT_EQ(code_of(with("layer_norm_eps", "1e-12"), table), malformed);
  EXPECT_EQ(code_of(with("tie_word_embeddings", 1), table), malformed);
  EXPECT_EQ(code_of(with("model_type", "nonesuch"), table), ErrorCode::kUnknownArchitecture);
  EXPECT_EQ(code_of(with("is_decoder", true), table), ErrorCode::kUnknownArchitecture);
  EXPECT_EQ(code_of(with("position_embedding_type", "relative_key"), table), ErrorCode::kUnknownArchitecture);
  EXPECT_EQ(code_of(with("id2label", Json{{"0", "a"}, {"2", "b"}}), table, {.head = Head::kClassify}), malformed);
  EXPECT_EQ(code_of(with("id2label", Json{{"0", "a"}, {"1", "b"}}), table, {.head = Head::kClassify}),
            ErrorCode::kWrongShape);  // the classifier has three rows
  for (std::string_view text : {"", "{", "[]", "7", "\xff"}) {
    EXPECT_EQ(build_model(text, table, {}).error().code, malformed) << text;
  }
}

TEST(Model, ManyLayersWithoutTensorsFailAtOnce) {
  Json config = bert_config();
  config["num_hidden_layers"] = 4096;
  EXPECT_EQ(code_of(config, bert_table()), ErrorCode::kMissingWeight);
}

TEST(Model, RobertaPositionsStartAfterThePadId) {
  Json config = bert_config();
  config["model_type"] = "roberta";
  config["pad_token_id"] = 1;
  TensorTable table = bert_table("roberta.");
  const auto model = build_model(config.dump(), table, {});
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->facts.max_tokens, 3);
  EXPECT_EQ(model->facts.positions, PositionRule::kAfterPadId);
  config["pad_token_id"] = 4;
  EXPECT_EQ(code_of(config, table), ErrorCode::kMalformedConfig);  // no position is left
}

TEST(ModelBuilder, AsksForTensorsThatLieOtherwise) {
  TensorTable table;
  put(table, "net.kernel", {4, 3, 2, 2});
  for (const char* name : {"net.q", "net.k"}) put(table, name, {6, 4});
  ModelBuilder b(table, "net.");
  const WeightId kernel = b.reshaped("kernel", {4, 3, 2, 2}, {4, 12});
  const WeightId turned = b.transposed("q", 4, 6), both = b.stored_stack({"q", "k"}, {4, 6}, Stored::kTransposed);
  ASSERT_TRUE(kernel && turned && both);
  const Graph& graph = b.unfinished();
  EXPECT_EQ(graph.weight(kernel).shape, (Shape{4, 12}));
  EXPECT_EQ(graph.weight(kernel).stored, Stored::kReshaped);
  EXPECT_EQ(graph.weight(turned).shape, (Shape{4, 6}));
  EXPECT_EQ(graph.weight(turned).stored, Stored::kTransposed);
  EXPECT_EQ(graph.weight(both).shape, (Shape{8, 6}));
  EXPECT_EQ(graph.weight(both).parts, (std::vector<std::string>{"net.q", "net.k"}));
}

TEST(ModelBuilder, ChecksTheShapeInTheFile) {
  TensorTable table;
  put(table, "kernel", {4, 12});
  put(table, "q", {6, 4});
  const auto code = [&](auto ask) {
    ModelBuilder b(table, "");
    EXPECT_FALSE(ask(b));
    return b.finish().error().code;
  };
  EXPECT_EQ(code([](auto& b) { return b.reshaped("kernel", {4, 3, 2, 2}, {4, 12}); }), ErrorCode::kWrongShape);
  EXPECT_EQ(code([](auto& b) { return b.transposed("q", 6, 4); }), ErrorCode::kWrongShape);
  EXPECT_EQ(code([](auto& b) { return b.transposed("absent", 4, 6); }), ErrorCode::kMissingWeight);
  ModelBuilder twice(table, "");
  twice.transposed("q", 4, 6);
  twice.stored("q", {6, 4});  // one weight cannot lie both ways
  EXPECT_EQ(twice.finish().error().code, ErrorCode::kWrongShape);
}

TEST(Model, ClassesOfAConfiguration) {
  Json config = bert_config();
  config["architectures"] = {"BertForMaskedLM", "Other"};
  EXPECT_EQ(classes_of_config(config.dump()).value(), (std::vector<std::string>{"BertForMaskedLM", "Other"}));
  config.erase("architectures");
  EXPECT_TRUE(classes_of_config(config.dump()).value().empty());
  config["architectures"] = "BertModel";
  EXPECT_EQ(classes_of_config(config.dump()).error().code, ErrorCode::kMalformedConfig);
  config["model_type"] = "nonesuch";
  EXPECT_EQ(classes_of_config(config.dump()).error().code, ErrorCode::kUnknownArchitecture);
}

}  // namespace
}  // namespace ipfs_accelerate
