// The encoder shared by the BERT family: sizes, embeddings, layers.
#include "model/bert/encoder.h"

#include <cmath>

namespace ipfs_accelerate {
namespace {

// Far beyond any published encoder, and small enough that no product of two overflows.
constexpr std::int64_t kMaxHidden = 1 << 20, kMaxLayers = 1 << 12, kMaxVocabulary = 1 << 24, kMaxPositions = 1 << 20;

constexpr const char* kWordTable = "embeddings.word_embeddings.weight";

ValueId build_embeddings(ModelBuilder& b, const EncoderShape& shape, const Encoder& e) {
  op::Embed embed{.ids = e.input_ids, .position_ids = e.position_ids, .type_ids = e.token_type_ids};
  embed.word = b.stored(kWordTable, {shape.vocabulary, shape.hidden});
  embed.position = b.stored("embeddings.position_embeddings.weight", {shape.positions, shape.hidden});
  if (shape.types > 0) embed.type = b.stored("embeddings.token_type_embeddings.weight", {shape.types, shape.hidden});
  embed.gamma = b.stored("embeddings.LayerNorm.weight", {shape.hidden});
  embed.beta = b.stored("embeddings.LayerNorm.bias", {shape.hidden});
  embed.epsilon = shape.epsilon;
  return b.add("embeddings", embed);
}

ValueId build_layer(ModelBuilder& b, const EncoderShape& shape, const LayerNames& names, const Encoder& e, ValueId bias,
                    std::int64_t number, ValueId x) {
  const std::string stored = names.layers + std::to_string(number) + ".";
  const std::string node = "layer." + std::to_string(number) + ".";
  const std::int64_t hidden = shape.hidden;
  const auto parts = [&](const char* kind) {
    return std::vector<std::string>{stored + names.query + kind, stored + names.key + kind,
                                    stored + names.value + kind};
  };
  const WeightId qkv_weight = b.stored_stack(parts(".weight"), {hidden, hidden});
  const WeightId qkv_bias = b.stored_stack(parts(".bias"), {hidden});
  const ValueId qkv = b.add(node + "qkv", op::Linear{.x = x, .weight = qkv_weight, .bias = qkv_bias});
  auto attention =
      op::self_attention(qkv, static_cast<std::int32_t>(shape.heads), static_cast<std::int32_t>(hidden / shape.heads));
  attention.mask = e.attention_mask;
  attention.bias = bias;
  const ValueId attended = b.add(node + "attention", attention);
  const ValueId mixed = b.linear(node + "attention_output", attended, stored + names.attention_output, hidden, hidden,
                                 Activation::kNone, x);
  const ValueId normed =
      b.layer_norm(node + "attention_norm", mixed, stored + names.attention_norm, hidden, shape.epsilon);
  const ValueId wide = b.linear(node + "intermediate", normed, stored + names.intermediate, shape.intermediate, hidden,
                                shape.activation);
  const ValueId narrow =
      b.linear(node + "output", wide, stored + names.output, hidden, shape.intermediate, Activation::kNone, normed);
  return b.layer_norm(node + "output_norm", narrow, stored + names.output_norm, hidden, shape.epsilon);
}

}  // namespace

Result<EncoderShape> read_encoder_shape(const ModelConfig& config, const EncoderKeys& keys, std::int64_t pad_id) {
  EncoderShape shape;
  IA_ASSIGN(shape.hidden, config.size(keys.hidden, kMaxHidden));
  IA_ASSIGN(shape.layers, config.size(keys.layers, kMaxLayers));
  IA_ASSIGN(shape.heads, config.size(keys.heads, kMaxHidden));
  IA_ASSIGN(shape.intermediate, config.size(keys.intermediate, kMaxHidden));
  IA_ASSIGN(shape.vocabulary, config.size("vocab_size", kMaxVocabulary));
  IA_ASSIGN(shape.positions, config.size("max_position_embeddings", kMaxPositions));
  IA_ASSIGN(shape.pad_id, config.index_or("pad_token_id", shape.vocabulary - 1, pad_id));
  IA_ASSIGN(shape.activation, config.activation_or(keys.activation, "gelu"));
  IA_ASSIGN(shape.epsilon, config.epsilon_or(keys.epsilon, 1e-12f));
  if (shape.hidden % shape.heads != 0) {
    return fail(ErrorCode::kMalformedConfig, "config.json: '{}' {} is no multiple of '{}' {}", keys.hidden,
                shape.hidden, keys.heads, shape.heads);
  }
  IA_ASSIGN(const std::string positions, config.text_or("position_embedding_type", "absolute"));
  if (positions != "absolute") {
    return fail(ErrorCode::kUnknownArchitecture,
                "config.json: 'position_embedding_type' is '{}', only 'absolute' is known", positions);
  }
  IA_ASSIGN(const bool decoder, config.flag_or("is_decoder", false));
  if (decoder)
    return fail(ErrorCode::kUnknownArchitecture, "config.json: 'is_decoder' is true; only encoders are known");
  return shape;
}

std::int64_t max_tokens(const EncoderShape& shape) {
  return shape.positions - (shape.rule == PositionRule::kAfterPadId ? shape.pad_id + 1 : 0);
}

Encoder build_encoder(ModelBuilder& b, const EncoderShape& shape, const LayerNames& names,
                      const std::function<ValueId(ModelBuilder&, Dim sequence)>& bias) {
  Encoder e;
  e.batch = b.symbol(batch_symbol());
  e.sequence = b.symbol(sequence_symbol(max_tokens(shape)));
  const std::vector<Dim> tokens{e.batch, e.sequence};
  const auto pad_id = static_cast<std::int32_t>(shape.pad_id);
  const std::int32_t pad_position = shape.rule == PositionRule::kAfterPadId ? pad_id : 0;
  e.input_ids = b.input("input_ids", Dtype::kI32, tokens, {.filler = pad_id});
  e.position_ids = b.input("position_ids", Dtype::kI32, tokens, {.filler = pad_position});
  if (shape.types > 0) e.token_type_ids = b.optional_input("token_type_ids", Dtype::kI32, tokens);
  // A padded sequence attends to its first token, so that it stays finite.
  e.attention_mask = b.input("attention_mask", Dtype::kI32, tokens, {.first = 1});
  e.states.push_back(build_embeddings(b, shape, e));
  const ValueId shared_bias = bias ? bias(b, e.sequence) : kNoValue;
  for (std::int64_t layer = 0; layer < shape.layers; ++layer) {
    e.states.push_back(build_layer(b, shape, names, e, shared_bias, layer, e.states.back()));
    if (!e.states.back()) break;  // a mistake was made; a huge layer count must not cost time
  }
  return e;
}

ValueId build_masked_lm(ModelBuilder& b, const EncoderShape& shape, const MaskedLmNames& names, ValueId x) {
  const std::int64_t hidden = shape.hidden;
  const ValueId dense = b.linear("masked_lm.dense", x, names.dense, hidden, hidden, names.activation);
  const ValueId normed = b.layer_norm("masked_lm.norm", dense, names.norm, hidden, names.epsilon);
  const std::string bias = b.has(names.bias) ? names.bias : names.decoder + ".bias";
  op::Linear decoder{.x = normed};
  decoder.weight = b.stored(names.tied ? kWordTable : names.decoder + ".weight", {shape.vocabulary, hidden});
  decoder.bias = b.stored(bias, {shape.vocabulary});
  return b.add("masked_lm.decoder", decoder);
}

ValueId first_token(ModelBuilder& b, ValueId hidden) {
  return b.add("first_token", op::Pool{.x = hidden, .mode = PoolMode::kCls});
}

}  // namespace ipfs_accelerate
