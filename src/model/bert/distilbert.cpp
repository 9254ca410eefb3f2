// DistilBERT: BERT without token types and pooler, with names of its own.
#include "model/architecture.h"
#include "model/bert/encoder.h"

namespace ipfs_accelerate {
namespace {

const LayerNames kNames{
    .layers = "transformer.layer.",
    .query = "attention.q_lin",
    .key = "attention.k_lin",
    .value = "attention.v_lin",
    .attention_output = "attention.out_lin",
    .attention_norm = "sa_layer_norm",
    .intermediate = "ffn.lin1",
    .output = "ffn.lin2",
    .output_norm = "output_layer_norm",
};
// The norms' epsilon is no key of this configuration: 1e-12 always.
constexpr EncoderKeys kKeys{.hidden = "dim",
                            .layers = "n_layers",
                            .heads = "n_heads",
                            .intermediate = "hidden_dim",
                            .activation = "activation"};

}  // namespace

Result<BuiltModel> build_distilbert(const ModelConfig& config, const TensorTable& tensors, const HeadOptions& options) {
  IA_ASSIGN(EncoderShape shape, read_encoder_shape(config, kKeys, /*pad_id=*/0));
  IA_ASSIGN(const bool tied, config.flag_or("tie_word_embeddings", true));
  shape.epsilon = 1e-12f;
  ModelBuilder b(tensors, "distilbert.");
  const Encoder encoder = build_encoder(b, shape, kNames);
  const MaskedLmNames lm{.dense = "vocab_transform",
                         .norm = "vocab_layer_norm",
                         .decoder = "vocab_projector",
                         .bias = "vocab_projector.bias",
                         .activation = shape.activation,
                         .tied = tied};
  const EncoderHeads heads{
      .masked_lm = [&](ValueId x) { return build_masked_lm(b, shape, lm, x); },
      .classify =
          [&](ValueId x, std::int64_t labels) {
            const ValueId dense = b.linear("pre_classifier", first_token(b, x), "pre_classifier", shape.hidden,
                                           shape.hidden, Activation::kRelu);
            return b.linear("classifier", dense, "classifier", labels, shape.hidden);
          },
      .classifier = "classifier.weight",
  };
  return finish_encoder(b, config, "distilbert", shape, encoder, heads, options);
}

}  // namespace ipfs_accelerate
