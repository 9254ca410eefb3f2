// RoBERTa: BERT's layers with positions that start after the pad id, and heads of its own.
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

Result<BuiltModel> build_roberta(const ModelConfig& config, const TensorTable& tensors, const HeadOptions& options) {
  IA_ASSIGN(EncoderShape shape, read_encoder_shape(config, {}, /*pad_id=*/1));
  IA_ASSIGN(shape.types, config.size_or("type_vocab_size", 1 << 16, 2));
  IA_ASSIGN(const bool tied, config.flag_or("tie_word_embeddings", true));
  shape.rule = PositionRule::kAfterPadId;
  ModelBuilder b(tensors, "roberta.");
  const Encoder encoder = build_encoder(b, shape, kNames);
  const MaskedLmNames lm{.dense = "lm_head.dense",
                         .norm = "lm_head.layer_norm",
                         .decoder = "lm_head.decoder",
                         .bias = "lm_head.bias",
                         .epsilon = shape.epsilon,
                         .tied = tied};
  const EncoderHeads heads{
      .masked_lm = [&](ValueId x) { return build_masked_lm(b, shape, lm, x); },
      .classify =
          [&](ValueId x, std::int64_t labels) {
            const ValueId dense = b.linear("classifier.dense", first_token(b, x), "classifier.dense", shape.hidden,
                                           shape.hidden, Activation::kTanh);
            return b.linear("classifier.out_proj", dense, "classifier.out_proj", labels, shape.hidden);
          },
      .pooler = true,
      .classifier = "classifier.out_proj.weight",
  };
  return finish_encoder(b, config, "roberta", shape, encoder, heads, options);
}

}  // namespace ipfs_accelerate
