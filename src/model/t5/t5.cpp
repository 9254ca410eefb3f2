// T5 and mT5: an encoder and a decoder that know positions only from a bias on attention, by distance.
// https://arxiv.org/abs/1910.10683
#include <cmath>

#include "graph/pages.h"
#include "model/architecture.h"
#include "model/decoder.h"
#include "model/t5/t5_shape.h"

namespace ipfs_accelerate {
namespace {

/// Both parts, from the inside out: `stored` is the start of tensor names, `node` that of value names.
class T5Builder {
 public:
  T5Builder(const T5Shape& shape, const TensorTable& tensors, const HeadOptions& options)
      : b_(tensors, ""), shape_(shape), options_(options) {}

  ModelBuilder& builder() { return b_; }

  void encoder() {
    const Dim batch = b_.symbol(batch_symbol()), sequence = b_.symbol(new_tokens_symbol(shape_.positions));
    const auto pad_id = static_cast<std::int32_t>(shape_.pad_id);
    const ValueId ids = b_.input("input_ids", Dtype::kI32, {batch, sequence}, {.filler = pad_id});
    // A padded sequence attends to its first token, so that it stays finite.
    const ValueId mask = b_.input("attention_mask", Dtype::kI32, {batch, sequence}, {.first = 1});
    op::RelativeBias bias{.table = bias_table("encoder"), .length = sequence};
    bias.buckets = static_cast<std::int32_t>(shape_.buckets);
    bias.max_distance = static_cast<std::int32_t>(shape_.max_distance);
    const ValueId by_distance = b_.add("encoder_bias", bias);
    std::vector<ValueId> states{b_.add("encoder_embeddings", op::Embed{.ids = ids, .word = words()})};
    for (std::int64_t layer = 0; layer < shape_.encoder_layers && states.back(); ++layer) {
      states.push_back(encoder_layer(layer, states.back(), mask, by_distance));
    }
    const ValueId last = norm("encoder_final_norm", states.back(), "encoder.final_layer_norm");
    write_cross(batch, last);
    if (options_.hidden_states) output_all(states, last);
    b_.end_part("encoder");
  }

  void decoder() {
    const DecoderInputs inputs = decoder_inputs(b_, shape_.positions, "decoder_");
    const Paging cross{.table = cross_table(inputs.batch),
                       .lengths = b_.input("cross_lengths", Dtype::kI32, {inputs.batch})};
    // Distances from max_distance on are all in the last bucket.
    op::DistanceBias bias{.table = bias_table("decoder")};
    bias.max_distance = static_cast<std::int32_t>(shape_.max_distance);
    bias.distances = bias.max_distance + 1;
    const ValueId by_distance = b_.add("decoder_bias", bias);
    std::vector<ValueId> states{b_.add("decoder_embeddings", op::Embed{.ids = inputs.ids, .word = words()})};
    for (std::int64_t layer = 0; layer < shape_.decoder_layers && states.back(); ++layer) {
      states.push_back(decoder_layer(layer, states.back(), inputs, cross, by_distance));
    }
    const auto final_norm = [&](ValueId x, const std::string& node) {
      return norm(node, x, "decoder.final_layer_norm");
    };
    const WeightId head = shape_.tied ? words() : b_.stored("lm_head.weight", {shape_.vocabulary, shape_.hidden});
    const float scale = shape_.scaled ? 1.0f / std::sqrt(static_cast<float>(shape_.hidden)) : 1.0f;
    finish_decoder(b_, inputs, states, final_norm, head, options_, scale);
  }

 private:
  static std::string block(const char* part, std::int64_t number, int layer) {
    return std::format("{}.block.{}.layer.{}.", part, number, layer);
  }

  /// Files have the one word table under its own name, or under that of a part that reads it.
  WeightId words() {
    std::string name = "shared.weight";
    for (const char* other : {"encoder.embed_tokens.weight", "decoder.embed_tokens.weight"}) {
      if (!b_.has(name) && b_.has(other)) name = other;
    }
    return b_.stored(name, {shape_.vocabulary, shape_.hidden});
  }

  /// The first block has the table for all.
  WeightId bias_table(const char* part) {
    return b_.stored(block(part, 0, 0) + "SelfAttention.relative_attention_bias.weight",
                     {shape_.buckets, shape_.heads});
  }

  ValueId norm(const std::string& node, ValueId x, const std::string& stored) {
    return b_.add(
        node, op::RmsNorm{.x = x, .gamma = b_.stored(stored + ".weight", {shape_.hidden}), .epsilon = shape_.epsilon});
  }

  /// x W^T for matrices of [rows, columns], one above the other.
  ValueId linear(const std::string& node, ValueId x, const std::string& stored, const std::vector<std::string>& names,
                 std::int64_t rows, std::int64_t columns, ValueId residual = kNoValue,
                 Activation activation = Activation::kNone) {
    std::vector<std::string> full;
    for (const std::string& name : names) full.push_back(stored + name + ".weight");
    const WeightId weight = b_.stored_stack(full, {rows, columns});
    return b_.add(node, op::Linear{.x = x, .residual = residual, .weight = weight, .activation = activation});
  }

  op::Attention attention() const {
    op::Attention op;
    op.heads = op.kv_heads = static_cast<std::int32_t>(shape_.heads);
    op.head_dim = static_cast<std::int32_t>(shape_.head_dim);
    op.scale = 1.0f;  // T5 has none: its weights were initialized for that
    return op;
  }

  ValueId encoder_layer(std::int64_t number, ValueId x, ValueId mask, ValueId bias) {
    const std::string stored = block("encoder", number, 0), node = std::format("encoder.{}.", number);
    const std::int64_t inner = shape_.inner();
    const ValueId normed = norm(node + "attention_norm", x, stored + "layer_norm");
    const ValueId qkv = linear(node + "qkv", normed, stored + "SelfAttention.", {"q", "k", "v"}, inner, shape_.hidden);
    op::Attention op = attention();
    op.q = {qkv, 0};
    op.k = {qkv, static_cast<std::int32_t>(inner)};
    op.v = {qkv, static_cast<std::int32_t>(2 * inner)};
    op.mask = mask;
    op.bias = bias;
    const ValueId mixed = b_.add(node + "attention", op);
    const ValueId attended =
        linear(node + "attention_output", mixed, stored + "SelfAttention.", {"o"}, shape_.hidden, inner, x);
    return feed_forward(node, block("encoder", number, 1), attended);
  }

  ValueId decoder_layer(std::int64_t number, ValueId x, const DecoderInputs& inputs, const Paging& cross,
                        ValueId bias) {
    const std::string stored = block("decoder", number, 0), node = std::format("decoder.{}.", number);
    const op::Attention op = attention();
    const ValueId normed = norm(node + "attention_norm", x, stored + "layer_norm");
    const ValueId qkv =
        linear(node + "qkv", normed, stored + "SelfAttention.", {"q", "k", "v"}, shape_.inner(), shape_.hidden);
    const ValueId mixed =
        cached_attention(b_, node, inputs, number, qkv, {op.heads, op.kv_heads, op.head_dim}, bias, op.scale);
    const ValueId attended =
        linear(node + "attention_output", mixed, stored + "SelfAttention.", {"o"}, shape_.hidden, shape_.inner(), x);
    return feed_forward(node, block("decoder", number, 2), cross_attention(node, number, attended, cross));
  }

  ValueId cross_attention(const std::string& node, std::int64_t number, ValueId x, const Paging& cross) {
    const std::string stored = block("decoder", number, 1);
    const ValueId normed = norm(node + "cross_norm", x, stored + "layer_norm");
    op::Attention op = attention();
    op.q = {linear(node + "cross_q", normed, stored + "EncDecAttention.", {"q"}, shape_.inner(), shape_.hidden), 0};
    op.k = {cross_[static_cast<std::size_t>(number)], 0};
    op.v = {op.k.value, static_cast<std::int32_t>(shape_.inner())};
    op.paging = cross;
    const ValueId mixed = b_.add(node + "cross_attention", op);
    return linear(node + "cross_output", mixed, stored + "EncDecAttention.", {"o"}, shape_.hidden, shape_.inner(), x);
  }

  ValueId feed_forward(const std::string& node, const std::string& stored, ValueId x) {
    const std::string dense = stored + "DenseReluDense.";  // called so whatever the activation is
    const ValueId normed = norm(node + "norm", x, stored + "layer_norm");
    ValueId wide;
    if (shape_.gated) {
      const ValueId both = linear(node + "intermediate", normed, dense, {"wi_0", "wi_1"}, shape_.wide, shape_.hidden);
      wide = b_.add(node + "gate", op::Gate{.x = both, .activation = shape_.activation});
    } else {
      wide =
          linear(node + "intermediate", normed, dense, {"wi"}, shape_.wide, shape_.hidden, kNoValue, shape_.activation);
    }
    return linear(node + "output", wide, dense, {"wo"}, shape_.hidden, shape_.wide, x);
  }

  ValueId cross_table(Dim batch) { return b_.input("cross_table", Dtype::kI32, {batch, dim(pages())}); }
  std::int64_t pages() const { return pages_of(shape_.positions); }

  /// The keys and values of every decoder layer, computed once for each text.
  void write_cross(Dim batch, ValueId last) {
    const Paging paging{cross_table(batch), b_.input("cross_before", Dtype::kI32, {batch}),
                        b_.input("cross_counts", Dtype::kI32, {batch})};
    for (std::int64_t number = 0; number < shape_.decoder_layers && last; ++number) {
      const std::string stored = block("decoder", number, 1) + "EncDecAttention.",
                        node = std::format("cross.{}.", number);
      cross_.push_back(b_.state(std::format("cross.{}", number), cross_pages_symbol(pages()), 2 * shape_.inner()));
      const ValueId kv = linear(node + "kv", last, stored, {"k", "v"}, shape_.inner(), shape_.hidden);
      if (!b_.add(node + "append", op::Append{.x = {kv, 0}, .state = cross_.back(), .paging = paging})) break;
    }
    cross_.resize(static_cast<std::size_t>(shape_.decoder_layers));  // a mistake may have left it short
  }

  void output_all(const std::vector<ValueId>& states, ValueId last) {
    for (std::size_t i = 0; i + 1 < states.size(); ++i) {
      b_.output(states[i], std::format("encoder_hidden_states.{}", i));
    }
    b_.output(last, std::format("encoder_hidden_states.{}", states.size() - 1));
  }

  ModelBuilder b_;
  const T5Shape& shape_;
  const HeadOptions& options_;
  std::vector<ValueId> cross_;  ///< the states, as they are at the start of a run
};

}  // namespace

Result<BuiltModel> build_t5(const ModelConfig& config, const TensorTable& tensors, const HeadOptions& options) {
  IA_ASSIGN(const T5Shape shape, read_t5_shape(config));
  T5Builder parts(shape, tensors, options);
  parts.encoder();
  parts.decoder();
  ModelFacts facts;
  facts.architecture = shape.architecture;
  facts.hidden = shape.hidden;
  facts.layers = shape.encoder_layers;
  facts.heads = shape.heads;
  facts.vocabulary = shape.vocabulary;
  facts.max_tokens = shape.positions;
  facts.pad_id = shape.pad_id;
  facts.decoder_start = static_cast<std::int32_t>(shape.pad_id);  // where neither file names one
  return decoder_model(parts.builder(), std::move(facts), config, options, Head::kSequenceToSequence);
}

}  // namespace ipfs_accelerate
