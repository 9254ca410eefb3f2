// MPNet: RoBERTa's positions, no token types, and one relative position bias shared by all layers.
#include "model/architecture.h"
#include "model/bert/encoder.h"

namespace ipfs_accelerate {
namespace {

const LayerNames kNames{
    .query = "attention.attn.q",
    .key = "attention.attn.k",
    .value = "attention.attn.v",
    .attention_output = "attention.attn.o",
    .attention_norm = "attention.LayerNorm",
    .intermediate = "intermediate.dense",
    .output = "output.dense",
    .output_norm = "output.LayerNorm",
};

}  // namespace

Result<BuiltModel> build_mpnet(const ModelConfig& config, const TensorTable& tensors, const HeadOptions& options) {
  IA_ASSIGN(EncoderShape shape, read_encoder_shape(config, {}, /*pad_id=*/1));
  IA_ASSIGN(const std::int64_t buckets, config.size_or("relative_attention_num_buckets", 1 << 10, 32));
  IA_ASSIGN(const bool tied, config.flag_or("tie_word_embeddings", true));
  shape.rule = PositionRule::kAfterPadId;
  ModelBuilder b(tensors, "mpnet.");
  const Encoder encoder = build_encoder(b, shape, kNames, [&](ModelBuilder& builder, Dim sequence) {
    op::RelativeBias bias{.table = builder.stored("encoder.relative_attention_bias.weight", {buckets, shape.heads}),
                          .length = sequence};
    bias.buckets = static_cast<std::int32_t>(buckets);
    return builder.add("relative_bias", bias);
  });
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
  return finish_encoder(b, config, "mpnet", shape, encoder, heads, options);
}

}  // namespace ipfs_accelerate
