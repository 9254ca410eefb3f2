// LLaMA: RMS norms, rotary positions, grouped key-value heads, a gated feed-forward. https://arxiv.org/abs/2302.13971
#include <cmath>
#include <numbers>

#include "model/architecture.h"
#include "model/decoder.h"

namespace ipfs_accelerate {
namespace {

constexpr double kMostFrequency = 1000;  // of rotary positions, as the operation has it

struct LlamaShape {
  std::int64_t hidden = 0, layers = 0, heads = 0, kv_heads = 0, head_dim = 0, inner = 0, vocabulary = 0, positions = 0;
  Activation activation = Activation::kSilu;
  float epsilon = 1e-6f;
  std::vector<float> frequencies;  ///< of the rotary positions

  Heads attention() const {
    return {static_cast<std::int32_t>(heads), static_cast<std::int32_t>(kv_heads), static_cast<std::int32_t>(head_dim)};
  }
};

/// Llama 3.1: slow rotations get slower by `factor`, fast ones stay, those between are blended.
Result<> stretch(std::vector<float>& frequencies, const ModelConfig& rope) {
  IA_ASSIGN(const double factor, rope.number("factor"));
  IA_ASSIGN(const double low, rope.number("low_freq_factor"));
  IA_ASSIGN(const double high, rope.number("high_freq_factor"));
  IA_ASSIGN(const double context, rope.number("original_max_position_embeddings"));
  if (high <= low) return fail(ErrorCode::kMalformedConfig, "config.json: 'high_freq_factor' is not the larger one");
  for (float& frequency : frequencies) {
    const double turns = context * frequency / (2 * std::numbers::pi);  // within the original context
    const double kept = std::clamp((turns - low) / (high - low), 0.0, 1.0);
    frequency = static_cast<float>(frequency * (kept + (1 - kept) / factor));
  }
  return {};
}

/// transformers 5 has all of it in rope_parameters; 4 has rope_theta beside rope_scaling.
Result<std::vector<float>> read_frequencies(const ModelConfig& config, std::int64_t head_dim) {
  IA_ASSIGN(auto rope, config.section("rope_parameters"));
  if (!rope) {
    IA_ASSIGN(rope, config.section("rope_scaling"));
  }
  IA_ASSIGN(double theta, config.number_or("rope_theta", 10000));
  std::string type = "default";
  if (rope) {
    IA_ASSIGN(theta, rope->number_or("rope_theta", theta));
    IA_ASSIGN(type, rope->text_or("type", type));
    IA_ASSIGN(type, rope->text_or("rope_type", type));
  }
  std::vector<float> frequencies;
  for (std::int64_t i = 0; i < head_dim / 2; ++i) {
    const double frequency = std::pow(theta, -2.0 * static_cast<double>(i) / head_dim);
    if (!(frequency <= kMostFrequency)) {
      return fail(
          ErrorCode::kMalformedConfig,
          "config.json: 'rope_theta' {} turns number {} of {} by {} for each position; at most {} can be computed",
          theta, 2 * i, head_dim, frequency, kMostFrequency);
    }
    frequencies.push_back(static_cast<float>(frequency));
  }
  if (type == "llama3") {
    IA_TRY(stretch(frequencies, *rope));
  } else if (type != "default") {
    return fail(ErrorCode::kUnknownArchitecture, "config.json: 'rope_type' is '{}'; known are default, llama3", type);
  }
  return frequencies;
}

Result<LlamaShape> read_shape(const ModelConfig& config) {
  constexpr std::int64_t kMost = 1 << 20;
  LlamaShape shape;
  IA_ASSIGN(shape.hidden, config.size("hidden_size", kMost));
  IA_ASSIGN(shape.layers, config.size("num_hidden_layers", 1 << 12));
  IA_ASSIGN(shape.heads, config.size("num_attention_heads", 1 << 12));
  IA_ASSIGN(shape.kv_heads, config.size_or("num_key_value_heads", 1 << 12, shape.heads));
  IA_ASSIGN(shape.head_dim, config.size_or("head_dim", 1 << 12, std::max<std::int64_t>(shape.hidden / shape.heads, 1)));
  IA_ASSIGN(shape.inner, config.size("intermediate_size", kMost));
  IA_ASSIGN(shape.vocabulary, config.size("vocab_size", 1 << 24));
  IA_ASSIGN(shape.positions, config.size_or("max_position_embeddings", 1 << 24, 2048));
  IA_ASSIGN(shape.activation, config.activation_or("hidden_act", "silu"));
  IA_ASSIGN(shape.epsilon, config.epsilon_or("rms_norm_eps", 1e-6f));
  if (shape.head_dim % 2 != 0) {
    return fail(ErrorCode::kMalformedConfig,
                "config.json: heads of {} numbers ('head_dim', or 'hidden_size' by 'num_attention_heads') cannot turn "
                "with their positions; the number must be even",
                shape.head_dim);
  }
  if (shape.heads % shape.kv_heads != 0) {
    return fail(ErrorCode::kMalformedConfig, "config.json: {} heads cannot share {} key-value heads", shape.heads,
                shape.kv_heads);
  }
  for (const char* key : {"attention_bias", "mlp_bias"}) {
    IA_ASSIGN(const bool on, config.flag_or(key, false));
    if (on) return fail(ErrorCode::kUnknownArchitecture, "config.json: '{}' is true, which is not known here", key);
  }
  IA_ASSIGN(shape.frequencies, read_frequencies(config, shape.head_dim));
  return shape;
}

/// One model in the making.
class Llama {
 public:
  Llama(const TensorTable& tensors, LlamaShape shape)
      : b_(tensors, "model."), shape_(std::move(shape)), inputs_(decoder_inputs(b_, shape_.positions)) {}

  Result<BuiltModel> build(const ModelConfig& config, const HeadOptions& options) {
    const WeightId words = b_.stored("embed_tokens.weight", {shape_.vocabulary, shape_.hidden});
    positions_ = inputs_.positions(b_);
    std::vector<ValueId> states{b_.add("embeddings", op::Embed{.ids = inputs_.ids, .word = words})};
    for (std::int64_t number = 0; number < shape_.layers && states.back(); ++number) {
      states.push_back(layer(number, states.back()));
    }
    IA_ASSIGN(const bool tied, config.flag_or("tie_word_embeddings", false));
    const WeightId head = tied ? words : b_.stored("lm_head.weight", {shape_.vocabulary, shape_.hidden});
    const auto final_norm = [&](ValueId x, const std::string& node) { return norm(node, x, "norm"); };
    finish_decoder(b_, inputs_, states, final_norm, head, options);
    ModelFacts facts;
    facts.architecture = "llama";
    facts.hidden = shape_.hidden;
    facts.layers = shape_.layers;
    facts.heads = shape_.heads;
    facts.vocabulary = shape_.vocabulary;
    facts.max_tokens = shape_.positions;
    return decoder_model(b_, std::move(facts), config, options);
  }

 private:
  ValueId norm(const std::string& node, ValueId x, const std::string& stored) {
    const WeightId gamma = b_.stored(stored + ".weight", {shape_.hidden});
    return b_.add(node, op::RmsNorm{.x = x, .gamma = gamma, .epsilon = shape_.epsilon});
  }

  ValueId attention(const std::string& node, const std::string& stored, std::int64_t number, ValueId x) {
    const Heads heads = shape_.attention();
    const std::int64_t wide = shape_.heads * shape_.head_dim, narrow = shape_.kv_heads * shape_.head_dim;
    const std::string base = stored + "self_attn.";
    const WeightId qkv = b_.stored_rows(
        {{base + "q_proj.weight", wide}, {base + "k_proj.weight", narrow}, {base + "v_proj.weight", narrow}},
        shape_.hidden);
    const ValueId projected = b_.add(node + "qkv", op::Linear{.x = x, .weight = qkv});
    const ValueId turned = b_.add(node + "rope", op::Rope{.x = projected,
                                                          .positions = positions_,
                                                          .heads = heads.heads + heads.kv_heads,
                                                          .head_dim = heads.head_dim,
                                                          .rotary_dim = heads.head_dim,
                                                          .frequencies = shape_.frequencies});
    return cached_attention(b_, node, inputs_, number, turned, heads);
  }

  ValueId layer(std::int64_t number, ValueId x) {
    const std::string stored = "layers." + std::to_string(number) + ".", node = "layer." + std::to_string(number) + ".";
    const std::int64_t hidden = shape_.hidden, wide = shape_.heads * shape_.head_dim;
    const ValueId mixed = attention(node, stored, number, norm(node + "attention_norm", x, stored + "input_layernorm"));
    const WeightId out = b_.stored(stored + "self_attn.o_proj.weight", {hidden, wide});
    const ValueId attended = b_.add(node + "attention_output", op::Linear{.x = mixed, .residual = x, .weight = out});
    const ValueId again = norm(node + "norm", attended, stored + "post_attention_layernorm");
    const WeightId both =
        b_.stored_stack({stored + "mlp.gate_proj.weight", stored + "mlp.up_proj.weight"}, {shape_.inner, hidden});
    const ValueId gate = b_.add(node + "gate_up", op::Linear{.x = again, .weight = both});
    const ValueId inner = b_.add(node + "gate", op::Gate{.x = gate, .activation = shape_.activation});
    const WeightId down = b_.stored(stored + "mlp.down_proj.weight", {hidden, shape_.inner});
    return b_.add(node + "output", op::Linear{.x = inner, .residual = attended, .weight = down});
  }

  ModelBuilder b_;
  LlamaShape shape_;
  DecoderInputs inputs_;
  ValueId positions_;
};

}  // namespace

Result<BuiltModel> build_llama(const ModelConfig& config, const TensorTable& tensors, const HeadOptions& options) {
  IA_ASSIGN(LlamaShape shape, read_shape(config));
  return Llama(tensors, std::move(shape)).build(config, options);
}

}  // namespace ipfs_accelerate
