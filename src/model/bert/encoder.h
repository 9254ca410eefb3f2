// What BERT, DistilBERT, RoBERTa and MPNet share: post-norm encoder layers, and the heads put on top.
#pragma once

#include <functional>

#include "model/config.h"
#include "model/model.h"
#include "model/model_builder.h"

namespace ipfs_accelerate {

/// Sizes of an encoder, from config.json.
struct EncoderShape {
  std::int64_t hidden = 0, layers = 0, heads = 0, intermediate = 0, vocabulary = 0, positions = 0;
  std::int64_t types = 0;  ///< rows of the token type table; 0: none
  std::int64_t pad_id = 0;
  Activation activation = Activation::kGelu;
  float epsilon = 1e-12f;
  PositionRule rule = PositionRule::kAbsolute;
};
/// Keys of config.json that differ between architectures.
struct EncoderKeys {
  const char* hidden = "hidden_size";
  const char* layers = "num_hidden_layers";
  const char* heads = "num_attention_heads";
  const char* intermediate = "intermediate_size";
  const char* activation = "hidden_act";
  const char* epsilon = "layer_norm_eps";
};
/// Tensor names inside one layer, without ".weight" and ".bias".
struct LayerNames {
  std::string layers = "encoder.layer.";  ///< the layer's number and a dot follow
  std::string query, key, value;
  std::string attention_output, attention_norm, intermediate, output, output_norm;
};

/// Tokens a sequence has at most; with kAfterPadId real tokens take positions pad id + 1 and up, so fewer than the
/// table has rows.
std::int64_t max_tokens(const EncoderShape& shape);

/// Reads and checks the sizes. `pad_id` is the architecture's default.
Result<EncoderShape> read_encoder_shape(const ModelConfig& config, const EncoderKeys& keys, std::int64_t pad_id);

/// Values of a built encoder.
struct Encoder {
  Dim batch, sequence;
  ValueId input_ids, position_ids, token_type_ids, attention_mask;
  std::vector<ValueId> states;  ///< hidden_states.0 ... hidden_states.N
};
/// Inputs, embeddings and layers. `bias` adds a value to every layer's attention scores when it is given.
Encoder build_encoder(ModelBuilder& builder, const EncoderShape& shape, const LayerNames& names,
                      const std::function<ValueId(ModelBuilder&, Dim sequence)>& bias = {});

/// What an architecture puts on the encoder. A function may be empty when the architecture has no such head.
struct EncoderHeads {
  std::function<ValueId(ValueId hidden)> masked_lm;                 ///< [..., hidden] -> logits [..., vocabulary]
  std::function<ValueId(ValueId x, std::int64_t labels)> classify;  ///< -> [batch, labels]
  bool classify_pooled = false;  ///< classify reads the pooler's output [batch, hidden], not [batch, seq, hidden]
  bool pooler = false;           ///< tensors "pooler.dense": tanh of a dense layer over the first token
  std::string classifier;        ///< tensor whose rows are the labels, "classifier.weight"
};

/// Dense, activation, norm, then the decoder whose matrix is usually the word table: the masked-LM head of all four.
struct MaskedLmNames {
  std::string dense, norm, decoder;
  std::string bias;  ///< of the decoder; decoder + ".bias" is tried too
  Activation activation = Activation::kGelu;
  float epsilon = 1e-12f;
  bool tied = true;
};
ValueId build_masked_lm(ModelBuilder& builder, const EncoderShape& shape, const MaskedLmNames& names, ValueId x);

/// Adds the head that `options` asks for, the outputs and the facts.
Result<BuiltModel> finish_encoder(ModelBuilder& builder, const ModelConfig& config, std::string_view architecture,
                                  const EncoderShape& shape, const Encoder& encoder, const EncoderHeads& heads,
                                  const HeadOptions& options);

/// First token's vector of every sequence: [batch, seq, hidden] -> [batch, hidden].
ValueId first_token(ModelBuilder& builder, ValueId hidden);

}  // namespace ipfs_accelerate
