// Tests of T5's parts on a tiny model made up here; its numbers are compared in tests/golden/text_to_text_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "graph/distance_bias.h"
#include "model/model.h"

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::json;
using Names = std::vector<std::string>;

/// Two heads of 3 columns: q, k and v are narrower than the 8 columns of a token.
Json t5_config() {
  return {{"model_type", "t5"},
          {"architectures", {"T5ForConditionalGeneration"}},
          {"d_model", 8},
          {"d_kv", 3},
          {"d_ff", 12},
          {"num_heads", 2},
          {"num_layers", 1},
          {"num_decoder_layers", 2},
          {"vocab_size", 11},
          {"n_positions", 40},
          {"relative_attention_num_buckets", 8},
          {"relative_attention_max_distance", 20},
          {"eos_token_id", 1}};
}

TensorTable t5_table(bool gated = false) {
  TensorTable table;
  const auto put = [&](const std::string& name, Shape shape) { table[name] = {name, Dtype::kF32, std::move(shape)}; };
  const auto attention = [&](const std::string& layer, const std::string& name) {
    for (const char* kind : {"q", "k", "v"}) put(layer + name + "." + kind + ".weight", {6, 8});
    put(layer + name + ".o.weight", {8, 6});
    put(layer + "layer_norm.weight", {8});
  };
  const auto dense = [&](const std::string& layer) {
    for (const char* kind : {"wi", "wi_0", "wi_1"}) {
      if ((std::string(kind) != "wi") == gated) put(layer + "DenseReluDense." + kind + ".weight", {12, 8});
    }
    put(layer + "DenseReluDense.wo.weight", {8, 12});
    put(layer + "layer_norm.weight", {8});
  };
  put("shared.weight", {11, 8});
  for (const std::string part : {"encoder", "decoder"}) {
    put(part + ".block.0.layer.0.SelfAttention.relative_attention_bias.weight", {8, 2});
    put(part + ".final_layer_norm.weight", {8});
  }
  attention("encoder.block.0.layer.0.", "SelfAttention");
  dense("encoder.block.0.layer.1.");
  for (const std::string block : {"decoder.block.0.", "decoder.block.1."}) {
    attention(block + "layer.0.", "SelfAttention");
    attention(block + "layer.1.", "EncDecAttention");
    dense(block + "layer.2.");
  }
  return table;
}

Result<BuiltModel> built(const Json& config, const TensorTable& table = t5_table(), bool hidden_states = false) {
  return build_model(config.dump(), table, {.head = Head::kSequenceToSequence, .hidden_states = hidden_states});
}

Names names(const Graph& graph, const std::vector<ValueId>& ids) {
  Names all;
  for (const ValueId id : ids) all.push_back(graph.value(id).name);
  return all;
}

bool computes(const Graph& graph, std::string_view op) {
  return std::ranges::any_of(graph.nodes, [&](const Node& node) { return op_name(node.op) == op; });
}

TEST(T5, PartsReadAndGiveByName) {
  const auto model = built(t5_config());
  ASSERT_TRUE(model) << model.error().message;
  ASSERT_EQ(model->parts.size(), 3u);
  EXPECT_EQ(model->parts[0].name, "encoder");
  EXPECT_EQ(model->parts[1].name, "decoder");
  const Graph &encoder = model->parts[0].graph, &decoder = model->parts[1].graph;
  EXPECT_EQ(names(encoder, encoder.inputs),
            (Names{"input_ids", "attention_mask", "cross_table", "cross_before", "cross_counts"}));
  EXPECT_TRUE(encoder.outputs.empty());  // what it makes stays on the device
  EXPECT_EQ(names(decoder, decoder.inputs),
            (Names{"input_ids", "page_table", "lengths", "counts", "cross_table", "cross_lengths", "rows"}));
  EXPECT_EQ(names(decoder, decoder.outputs), (Names{"logits", "token"}));
  Names states;
  for (const State& state : decoder.states) {
    states.push_back(state.name + " " + decoder.dims_text(decoder.value(state.first).dims));
  }
  EXPECT_EQ(states, (Names{"cross.0 [cross_pages, 16, 12]", "cross.1 [cross_pages, 16, 12]",
                           "decoder_cache.0 [pages, 16, 12]", "decoder_cache.1 [pages, 16, 12]"}));
  EXPECT_EQ(used_states(encoder).size(), 2u);
  EXPECT_EQ(used_states(decoder).size(), 4u);
  EXPECT_EQ(used_states(model->parts[2].graph), (std::vector{decoder.value(decoder.find("decoder_cache.0")).state,
                                                             decoder.value(decoder.find("decoder_cache.1")).state}))
      << "what the encoder wrote is shared, not copied";
}

TEST(T5, FactsAreThoseOfBothFiles) {
  Json config = t5_config();
  const auto facts = built(config).value().facts;
  EXPECT_EQ(facts.architecture, "t5");
  EXPECT_EQ(facts.model_type, "text2text_generation");
  EXPECT_EQ(facts.max_tokens, 40);
  EXPECT_EQ(facts.context, 40);
  EXPECT_EQ(facts.stop_ids, std::vector<std::int32_t>{1});
  EXPECT_EQ(facts.decoder_start, 0);  // the pad id
  config["decoder_start_token_id"] = 2;
  config.erase("n_positions");
  EXPECT_EQ(built(config)->facts.decoder_start, 2);
  EXPECT_EQ(built(config)->facts.max_tokens, 512);
}

TEST(T5, GoldenRunsSeeEveryLayer) {
  const auto model = built(t5_config(), t5_table(), /*hidden_states=*/true);
  ASSERT_TRUE(model) << model.error().message;
  const Graph &encoder = model->parts[0].graph, &decoder = model->parts[1].graph;
  EXPECT_EQ(names(encoder, encoder.outputs), (Names{"encoder_hidden_states.0", "encoder_hidden_states.1"}));
  EXPECT_EQ(names(decoder, decoder.outputs), (Names{"logits", "token", "decoder_hidden_states.0",
                                                    "decoder_hidden_states.1", "decoder_hidden_states.2"}));
}

TEST(T5, KindsOfFeedForwardAndHead) {
  Json config = t5_config();
  const auto decoder = [&](const TensorTable& table) {
    auto model = built(config, table);
    EXPECT_TRUE(model) << model.error().message;
    return model->parts[1].graph;
  };
  EXPECT_TRUE(computes(decoder(t5_table()), "scale"));
  EXPECT_FALSE(computes(decoder(t5_table()), "gate"));
  config["feed_forward_proj"] = "gated-gelu";
  EXPECT_EQ(built(config).error().code, ErrorCode::kMissingWeight);
  const Graph gated = decoder(t5_table(true));
  const auto gate = std::ranges::find_if(gated.nodes, [](const Node& node) { return op_name(node.op) == "gate"; });
  ASSERT_NE(gate, gated.nodes.end());
  EXPECT_EQ(std::get<op::Gate>(gate->op).activation, Activation::kGeluTanh);
  config["tie_word_embeddings"] = false;
  EXPECT_EQ(built(config, t5_table(true)).error().code, ErrorCode::kMissingWeight);
  TensorTable untied = t5_table(true);
  untied["lm_head.weight"] = {"lm_head.weight", Dtype::kF32, {11, 8}};
  EXPECT_FALSE(computes(decoder(untied), "scale"));
  config["model_type"] = "mt5";
  config.erase("tie_word_embeddings");
  EXPECT_FALSE(computes(decoder(untied), "scale"));
}

TEST(T5, TheWordTableMayBeStoredUnderAPart) {
  TensorTable table = t5_table();
  table.erase("shared.weight");
  EXPECT_EQ(built(t5_config(), table).error().code, ErrorCode::kMissingWeight);
  table["encoder.embed_tokens.weight"] = {"encoder.embed_tokens.weight", Dtype::kF32, {11, 8}};
  EXPECT_TRUE(built(t5_config(), table));
}

TEST(T5, RefusesConfigurationsThatCannotBe) {
  const auto error_with = [](const char* key, Json value) {
    Json config = t5_config();
    config[key] = std::move(value);
    const auto model = built(config);
    return model ? Error{ErrorCode{}, ""} : model.error();
  };
  const auto malformed = ErrorCode::kMalformedConfig;
  EXPECT_EQ(error_with("d_model", 0).code, malformed);
  EXPECT_EQ(error_with("d_kv", 1 << 20).code, malformed);  // with two heads above the limit
  EXPECT_EQ(error_with("d_kv", 4).code, ErrorCode::kWrongShape);
  EXPECT_EQ(error_with("relative_attention_num_buckets", 3).code, malformed);
  EXPECT_THAT(error_with("relative_attention_max_distance", 4).message,
              testing::HasSubstr("'relative_attention_max_distance' is 4, more than half"));
  EXPECT_THAT(error_with("feed_forward_proj", "gated-nobody").message, testing::HasSubstr("feed_forward_proj"));
  EXPECT_EQ(error_with("feed_forward_proj", "other-gelu").code, malformed);
  EXPECT_EQ(error_with("is_gated_act", "yes").code, malformed);
  EXPECT_EQ(error_with("num_layers", 4096).code, ErrorCode::kMissingWeight);
  EXPECT_EQ(error_with("num_decoder_layers", 4096).code, ErrorCode::kMissingWeight);
  EXPECT_EQ(build_model(t5_config().dump(), t5_table(), {.head = Head::kNextToken}).error().code,
            ErrorCode::kUnknownTask);
}

// The decoder's bias has an entry for each distance to max_distance, and the last serves all that are farther.
TEST(T5, BucketsSaturateAtTheLargestDistance) {
  for (const std::int32_t buckets : {4, 7, 8, 16, 32, 64}) {
    for (const std::int32_t most : {33, 34, 64, 100, 128, 1000}) {
      op::DistanceBias bias;
      bias.max_distance = most;
      bias.distances = 4 * most;
      const auto rows = distance_buckets(bias, buckets);
      for (std::size_t d = static_cast<std::size_t>(most); d < rows.size(); ++d) {
        ASSERT_EQ(rows[d], buckets - 1) << buckets << " buckets, distance " << d << " of " << most;
      }
    }
  }
}

}  // namespace
}  // namespace ipfs_accelerate
