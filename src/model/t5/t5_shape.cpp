// Reading config.json of T5 and mT5.
#include "model/t5/t5_shape.h"

namespace ipfs_accelerate {
namespace {

constexpr std::int64_t kMost = 1 << 20;

/// "relu", "gated-gelu": newer files say the same again in 'is_gated_act' and 'dense_act_fn', and these decide.
Result<> read_activation(T5Shape& shape, const ModelConfig& config) {
  constexpr std::string_view kGated = "gated-";
  IA_ASSIGN(std::string kind, config.text_or("feed_forward_proj", "relu"));
  const bool gated = kind.starts_with(kGated);
  if (gated) kind = kind.substr(kGated.size());
  if (gated && kind == "gelu") kind = "gelu_new";  // what was trained under that name
  IA_ASSIGN(shape.gated, config.flag_or("is_gated_act", gated));
  auto activation = config.activation_or("dense_act_fn", kind);
  if (!activation) return while_doing(activation.error(), "reading 'feed_forward_proj' and 'dense_act_fn'");
  shape.activation = *activation;
  return {};
}

Result<> check(const T5Shape& shape) {
  if (shape.inner() > kMost) {
    return fail(ErrorCode::kMalformedConfig, "config.json: 'num_heads' {} times 'd_kv' {} is more than {}", shape.heads,
                shape.head_dim, kMost);
  }
  if (shape.buckets < 4) {
    return fail(ErrorCode::kMalformedConfig,
                "config.json: 'relative_attention_num_buckets' is {}, at least 4 are needed", shape.buckets);
  }
  if (shape.max_distance <= shape.buckets / 2) {
    return fail(ErrorCode::kMalformedConfig,
                "config.json: 'relative_attention_max_distance' is {}, more than half of "
                "'relative_attention_num_buckets' ({}) is needed",
                shape.max_distance, shape.buckets);
  }
  return {};
}

}  // namespace

Result<T5Shape> read_t5_shape(const ModelConfig& config) {
  T5Shape shape;
  IA_ASSIGN(shape.architecture, config.text("model_type"));
  IA_ASSIGN(shape.hidden, config.size("d_model", kMost));
  IA_ASSIGN(shape.heads, config.size("num_heads", kMost));
  IA_ASSIGN(shape.head_dim, config.size("d_kv", kMost));
  IA_ASSIGN(shape.wide, config.size("d_ff", kMost));
  IA_ASSIGN(shape.encoder_layers, config.size("num_layers", 1 << 12));
  IA_ASSIGN(shape.decoder_layers, config.size_or("num_decoder_layers", 1 << 12, shape.encoder_layers));
  IA_ASSIGN(shape.vocabulary, config.size("vocab_size", 1 << 24));
  IA_ASSIGN(shape.positions, config.size_or("n_positions", kMost, 512));
  IA_ASSIGN(shape.buckets, config.size_or("relative_attention_num_buckets", 1 << 16, 32));
  IA_ASSIGN(shape.max_distance, config.size_or("relative_attention_max_distance", 1 << 16, 128));
  IA_ASSIGN(shape.pad_id, config.index_or("pad_token_id", shape.vocabulary - 1, 0));
  IA_ASSIGN(shape.epsilon, config.epsilon_or("layer_norm_epsilon", 1e-6f));
  IA_ASSIGN(shape.tied, config.flag_or("tie_word_embeddings", shape.architecture == "t5"));
  IA_ASSIGN(shape.scaled, config.flag_or("scale_decoder_outputs", shape.tied));
  IA_TRY(read_activation(shape, config));
  IA_TRY(check(shape));
  return shape;
}

}  // namespace ipfs_accelerate
