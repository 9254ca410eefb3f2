// ViT: a class token before the patches, a final norm, and a classifier or a pooler on the class token.
#include "model/architecture.h"
#include "model/labels.h"
#include "model/vit/vision_encoder.h"

namespace ipfs_accelerate {
namespace {

const VisionNames kNames{
    .projection = "embeddings.patch_embeddings.projection",
    .class_token = "embeddings.cls_token",
    .positions = "embeddings.position_embeddings",
    .layers = "encoder.layer.",
    .query = "attention.attention.query",
    .key = "attention.attention.key",
    .value = "attention.attention.value",
    .attention_output = "attention.output.dense",
    .norm_before = "layernorm_before",
    .norm_after = "layernorm_after",
    .intermediate = "intermediate.dense",
    .output = "output.dense",
};

Result<ModelFacts> read_facts(const ModelConfig& config, const ModelBuilder& b, const VisionShape& shape, Head head) {
  ModelFacts facts;
  facts.architecture = "vit";
  facts.model_type = head == Head::kClassify    ? "image_classification"
                     : head == Head::kEmbedding ? "image_embedding"
                                                : "vision_encoder";
  facts.hidden = shape.hidden;
  facts.layers = shape.layers;
  facts.heads = shape.heads;
  facts.channels = shape.channels;
  facts.picture_size = shape.picture;
  facts.patch_size = shape.patch;
  if (head == Head::kClassify) IA_TRY(read_labels(facts, config, b, "classifier.weight"));
  return facts;
}

/// The head's output; `last` is normalized.
void build_head(ModelBuilder& b, const ModelFacts& facts, ValueId last, const HeadOptions& options) {
  switch (options.head) {
    case Head::kHidden: return b.output(last, "last_hidden_state");
    case Head::kEmbedding: {
      const ValueId pooled = b.add("pool", op::Pool{.x = last, .mode = options.pool});
      if (!options.normalize) return b.output(pooled, "embedding");
      b.output(b.add("normalize", op::Normalize{.x = pooled}), "embedding");
      if (options.hidden_states) b.output(pooled, "pooled");
      return;
    }
    case Head::kClassify: {
      const auto labels = static_cast<std::int64_t>(facts.labels.size());
      return b.output(b.linear("classifier", b.add("first_token", op::Pool{.x = last, .mode = PoolMode::kCls}),
                               "classifier", labels, facts.hidden),
                      "logits");
    }
    default: b.fail({ErrorCode::kUnknownTask, "models of type 'vit' have no words to predict"});
  }
}

/// tanh of a dense layer over the class token, where the files have it.
Result<> add_pooler(ModelBuilder& b, const ModelConfig& config, const VisionShape& shape, ValueId last) {
  if (!b.has("pooler.dense.weight")) return {};
  IA_ASSIGN(const Activation activation, config.activation_or("pooler_act", "tanh"));
  IA_ASSIGN(const std::int64_t size, config.size_or("pooler_output_size", 1 << 20, shape.hidden));
  const ValueId first = b.add("pooler.first_token", op::Pool{.x = last, .mode = PoolMode::kCls});
  b.output(b.linear("pooler", first, "pooler.dense", size, shape.hidden, activation), "pooler_output");
  return {};
}

}  // namespace

Result<BuiltModel> build_vit(const ModelConfig& config, const TensorTable& tensors, const HeadOptions& options) {
  IA_ASSIGN(const VisionShape shape, read_vision_shape(config));
  ModelBuilder b(tensors, "vit.");
  IA_ASSIGN(ModelFacts facts, read_facts(config, b, shape, options.head));
  const VisionEncoder encoder = build_vision_encoder(b, shape, kNames);
  const ValueId last = b.layer_norm("norm", encoder.states.back(), "layernorm", shape.hidden, shape.epsilon);
  build_head(b, facts, last, options);
  if (options.hidden_states) {
    for (std::size_t i = 0; i < encoder.states.size(); ++i) {
      b.output(encoder.states[i], "hidden_states." + std::to_string(i));
    }
    if (options.head != Head::kHidden) b.output(last, "last_hidden_state");
    IA_TRY(add_pooler(b, config, shape, last));
  }
  b.end_part("model");
  IA_ASSIGN(auto parts, b.finish_parts());
  return BuiltModel{std::move(parts), std::move(facts)};
}

}  // namespace ipfs_accelerate
