// BERT: absolute positions, token types, a tanh pooler below the classifier.
#include "model/architecture.h"
#include "model/bert/encoder.h"

namespace ipfs_accelerate {
namespace {

const LayerNames kNames{
    .query = "attention.self.query",
    .key = "attention.self.key",
    .value = "attention.self.value",
    .attention_output = "attention.output.dense",
    .attention_norm = "attention.output.LayerNorm",
    .intermediate = "intermediate.dense",
    .output = "output.dense",
    .output_norm = "output.LayerNorm",
};

}  // namespace

Result<BuiltModel> build_bert(const ModelConfig& config, const TensorTable& tensors, const HeadOptions& options) {
  IA_ASSIGN(EncoderShape shape, read_encoder_shape(config, {}, /*pad_id=*/0));
  IA_ASSIGN(shape.types, config.size_or("type_vocab_size", 1 << 16, 2));
  IA_ASSIGN(const bool tied, config.flag_or("tie_word_embeddings", true));
  ModelBuilder b(tensors, "bert.");
  const Encoder encoder = build_encoder(b, shape, kNames);
  const MaskedLmNames lm{.dense = "cls.predictions.transform.dense",
                         .norm = "cls.predictions.transform.LayerNorm",
                         .decoder = "cls.predictions.decoder",
                         .bias = "cls.predictions.bias",
                         .activation = shape.activation,
                         .epsilon = shape.epsilon,
                         .tied = tied};
  const EncoderHeads heads{
      .masked_lm = [&](ValueId x) { return build_masked_lm(b, shape, lm, x); },
      .classify = [&](ValueId x,
                      std::int64_t labels) { return b.linear("classifier", x, "classifier", labels, shape.hidden); },
      .classify_pooled = true,
      .pooler = true,
      .classifier = "classifier.weight",
  };
  return finish_encoder(b, config, "bert", shape, encoder, heads, options);
}

}  // namespace ipfs_accelerate
