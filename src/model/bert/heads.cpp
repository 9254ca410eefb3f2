// Heads: what comes after the encoder for each task, the graph's outputs, and the facts tasks need.
#include <algorithm>

#include "model/bert/encoder.h"
#include "model/labels.h"

namespace ipfs_accelerate {
namespace {

std::string_view kind_of(Head head) {
  switch (head) {
    case Head::kHidden: return "encoder";
    case Head::kEmbedding: return "text_embedding";
    case Head::kMaskedTokens:
    case Head::kAllTokens: return "fill_mask";
    case Head::kClassify: return "text_classification";
    case Head::kNextToken: return "text_generation";
    case Head::kSequenceToSequence: return "text2text_generation";
  }
  return "encoder";
}

Result<ModelFacts> read_facts(std::string_view architecture, const EncoderShape& shape, Head head) {
  ModelFacts facts;
  facts.architecture = architecture;
  facts.model_type = kind_of(head);
  facts.hidden = shape.hidden;
  facts.layers = shape.layers;
  facts.heads = shape.heads;
  facts.vocabulary = shape.vocabulary;
  facts.pad_id = shape.pad_id;
  facts.token_types = shape.types > 0;
  facts.type_vocabulary = shape.types;
  facts.positions = shape.rule;
  facts.max_tokens = max_tokens(shape);
  if (facts.max_tokens < 1) {
    return fail(ErrorCode::kMalformedConfig, "config.json: 'max_position_embeddings' {} leaves no room after pad id {}",
                shape.positions, shape.pad_id);
  }
  return facts;
}

/// Builds one head, and remembers the values that golden runs look at.
class HeadBuilder {
 public:
  HeadBuilder(ModelBuilder& builder, const ModelFacts& facts, const Encoder& encoder, const EncoderHeads& heads,
              const HeadOptions& options)
      : b_(builder), facts_(facts), e_(encoder), heads_(heads), options_(options) {}

  void build() {
    switch (options_.head) {
      case Head::kHidden: return b_.output(e_.states.back(), "last_hidden_state");
      case Head::kEmbedding: return embedding();
      case Head::kMaskedTokens:
      case Head::kAllTokens: return masked_lm();
      case Head::kClassify: return classify();
      case Head::kNextToken:
      case Head::kSequenceToSequence: return refuse();
    }
  }

  /// hidden_states.*, pooler_output and pooled.
  void add_inner_outputs() {
    const std::size_t count = e_.states.size() - (options_.head == Head::kHidden ? 1 : 0);
    for (std::size_t i = 0; i < count; ++i) b_.output(e_.states[i], "hidden_states." + std::to_string(i));
    if (heads_.pooler && b_.has("pooler.dense.weight")) b_.output(pooler(), "pooler_output");
    if (pooled_) b_.output(pooled_, "pooled");
  }

 private:
  ValueId pooler() {
    if (!pooler_) {
      pooler_ = b_.linear("pooler", first_token(b_, e_.states.back()), "pooler.dense", facts_.hidden, facts_.hidden,
                          Activation::kTanh);
    }
    return pooler_;
  }

  void embedding() {
    ValueId vector = b_.add("pool", op::Pool{.x = e_.states.back(), .mask = e_.attention_mask, .mode = options_.pool});
    if (options_.normalize) {
      pooled_ = vector;
      vector = b_.add("normalize", op::Normalize{.x = vector});
    }
    b_.output(vector, "embedding");
  }

  void masked_lm() {
    if (!heads_.masked_lm) return refuse();
    ValueId x = e_.states.back();
    if (options_.head == Head::kMaskedTokens) {
      const ValueId rows =
          b_.input("rows", Dtype::kI32, {b_.symbol(rows_symbol())}, {.places_in = {e_.batch, e_.sequence}});
      x = b_.add("select_rows", op::SelectRows{.x = x, .rows = rows});
    }
    b_.output(heads_.masked_lm(x), "logits");
  }

  void classify() {
    if (!heads_.classify) return refuse();
    const ValueId x = heads_.classify_pooled ? pooler() : e_.states.back();
    b_.output(heads_.classify(x, static_cast<std::int64_t>(facts_.labels.size())), "logits");
  }

  void refuse() {
    b_.fail({ErrorCode::kUnknownTask,
             std::format("models of type '{}' cannot do {}", facts_.architecture, facts_.model_type)});
  }

  ModelBuilder& b_;
  const ModelFacts& facts_;
  const Encoder& e_;
  const EncoderHeads& heads_;
  const HeadOptions& options_;
  ValueId pooler_, pooled_;
};

}  // namespace

Result<BuiltModel> finish_encoder(ModelBuilder& b, const ModelConfig& config, std::string_view architecture,
                                  const EncoderShape& shape, const Encoder& encoder, const EncoderHeads& heads,
                                  const HeadOptions& options) {
  IA_ASSIGN(ModelFacts facts, read_facts(architecture, shape, options.head));
  if (options.head == Head::kClassify) IA_TRY(read_labels(facts, config, b, heads.classifier));
  HeadBuilder head(b, facts, encoder, heads, options);
  head.build();
  if (options.hidden_states) head.add_inner_outputs();
  b.end_part("model");
  IA_ASSIGN(auto parts, b.finish_parts());
  return BuiltModel{std::move(parts), std::move(facts)};
}

}  // namespace ipfs_accelerate
