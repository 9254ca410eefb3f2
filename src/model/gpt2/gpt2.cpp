// GPT-2: learned positions, pre-norm layers, matrices stored as [in, out].
// https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf
#include <cmath>

#include "model/architecture.h"
#include "model/decoder.h"

namespace ipfs_accelerate {
namespace {

struct Gpt2Shape {
  std::int64_t hidden = 0, layers = 0, heads = 0, inner = 0, vocabulary = 0, positions = 0;
  Activation activation = Activation::kGeluTanh;
  float epsilon = 1e-5f;
  bool scaled = true;  ///< attention's scores by the root of the head's size
};

Result<Gpt2Shape> read_shape(const ModelConfig& config) {
  constexpr std::int64_t kMost = 1 << 20;
  Gpt2Shape shape;
  IA_ASSIGN(shape.hidden, config.size("n_embd", kMost));
  IA_ASSIGN(shape.layers, config.size("n_layer", 1 << 12));
  IA_ASSIGN(shape.heads, config.size("n_head", kMost));
  IA_ASSIGN(shape.inner, config.size_or("n_inner", kMost, 4 * shape.hidden));
  IA_ASSIGN(shape.vocabulary, config.size("vocab_size", 1 << 24));
  IA_ASSIGN(shape.positions, config.size("n_positions", kMost));
  IA_ASSIGN(shape.activation, config.activation_or("activation_function", "gelu_new"));
  IA_ASSIGN(shape.epsilon, config.epsilon_or("layer_norm_epsilon", 1e-5f));
  IA_ASSIGN(shape.scaled, config.flag_or("scale_attn_weights", true));
  if (shape.hidden % shape.heads != 0) {
    return fail(ErrorCode::kMalformedConfig, "config.json: 'n_embd' {} is no multiple of 'n_head' {}", shape.hidden,
                shape.heads);
  }
  for (const char* key : {"add_cross_attention", "scale_attn_by_inverse_layer_idx"}) {
    IA_ASSIGN(const bool on, config.flag_or(key, false));
    if (on) return fail(ErrorCode::kUnknownArchitecture, "config.json: '{}' is true, which is not known here", key);
  }
  return shape;
}

/// activation(x W + b) + residual with a stored [columns, rows] matrix.
ValueId conv1d(ModelBuilder& b, const std::string& node, ValueId x, const std::string& base, std::int64_t rows,
               std::int64_t columns, Activation activation = Activation::kNone, ValueId residual = kNoValue) {
  const WeightId weight = b.transposed(base + ".weight", rows, columns), bias = b.stored(base + ".bias", {rows});
  return b.add(node,
               op::Linear{.x = x, .residual = residual, .weight = weight, .bias = bias, .activation = activation});
}

ValueId build_layer(ModelBuilder& b, const Gpt2Shape& shape, const DecoderInputs& inputs, std::int64_t number,
                    ValueId x) {
  const std::string stored = "h." + std::to_string(number) + ".", node = "layer." + std::to_string(number) + ".";
  const std::int64_t hidden = shape.hidden;
  const auto heads = static_cast<std::int32_t>(shape.heads), head_dim = static_cast<std::int32_t>(hidden / heads);
  const ValueId normed = b.layer_norm(node + "attention_norm", x, stored + "ln_1", hidden, shape.epsilon);
  const ValueId qkv = conv1d(b, node + "qkv", normed, stored + "attn.c_attn", 3 * hidden, hidden);
  const ValueId mixed = cached_attention(b, node, inputs, number, qkv, {heads, heads, head_dim}, kNoValue,
                                         shape.scaled ? std::nullopt : std::optional(1.0f));
  const ValueId attended =
      conv1d(b, node + "attention_output", mixed, stored + "attn.c_proj", hidden, hidden, Activation::kNone, x);
  const ValueId again = b.layer_norm(node + "norm", attended, stored + "ln_2", hidden, shape.epsilon);
  const ValueId wide =
      conv1d(b, node + "intermediate", again, stored + "mlp.c_fc", shape.inner, hidden, shape.activation);
  return conv1d(b, node + "output", wide, stored + "mlp.c_proj", hidden, shape.inner, Activation::kNone, attended);
}

}  // namespace

Result<BuiltModel> build_gpt2(const ModelConfig& config, const TensorTable& tensors, const HeadOptions& options) {
  IA_ASSIGN(const Gpt2Shape shape, read_shape(config));
  ModelBuilder b(tensors, "transformer.");
  const DecoderInputs inputs = decoder_inputs(b, shape.positions);
  const WeightId words = b.stored("wte.weight", {shape.vocabulary, shape.hidden});
  op::Embed embed{.ids = inputs.ids, .position_ids = inputs.positions(b), .word = words};
  embed.position = b.stored("wpe.weight", {shape.positions, shape.hidden});
  std::vector<ValueId> states{b.add("embeddings", embed)};
  for (std::int64_t layer = 0; layer < shape.layers && states.back(); ++layer) {
    states.push_back(build_layer(b, shape, inputs, layer, states.back()));
  }
  const auto norm = [&](ValueId x, const std::string& name) {
    return b.layer_norm(name, x, "ln_f", shape.hidden, shape.epsilon);
  };
  IA_ASSIGN(const bool tied, config.flag_or("tie_word_embeddings", true));
  const WeightId head = tied ? words : b.stored("lm_head.weight", {shape.vocabulary, shape.hidden});
  finish_decoder(b, inputs, states, norm, head, options);
  ModelFacts facts;
  facts.architecture = "gpt2";
  facts.hidden = shape.hidden;
  facts.layers = shape.layers;
  facts.heads = shape.heads;
  facts.vocabulary = shape.vocabulary;
  facts.max_tokens = shape.positions;
  return decoder_model(b, std::move(facts), config, options);
}

}  // namespace ipfs_accelerate
