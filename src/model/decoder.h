// What decoders of every family share: inputs, attention over cached keys and values, and the head of next tokens.
#pragma once

#include <functional>

#include "model/config.h"
#include "model/model.h"
#include "model/model_builder.h"

namespace ipfs_accelerate {

/// Values that every decoder reads: one row of ids for each sequence, of which counts[b] are new tokens, and where the
/// states have the tokens before them (graph/append.h).
struct DecoderInputs {
  Dim batch, sequence;
  ValueId ids;
  Paging paging;
  Symbol pages;  ///< of the states
  std::string prefix;

  ValueId positions(ModelBuilder& builder) const;  ///< position_ids, for who reads them
};
/// `max_tokens`: of a sequence. `prefix`: of the node, value and state names.
DecoderInputs decoder_inputs(ModelBuilder& builder, std::int64_t max_tokens, std::string prefix = {});

struct Heads {
  std::int32_t heads = 1, kv_heads = 1, head_dim = 1;
};
/// Adds the keys and values of qkv (columns: all q, all k, all v) to the state of this layer, and attends to all that
/// is there up to each token. `distance_bias`: see op::Attention.
ValueId cached_attention(ModelBuilder& builder, const std::string& node, const DecoderInputs& inputs,
                         std::int64_t layer, ValueId qkv, Heads heads, ValueId distance_bias = kNoValue,
                         std::optional<float> scale = {});

/// The outputs: `logits` and `token` of the tokens that input `rows` picks; for golden runs hidden_states.N of every
/// token, of which the last is after the final norm. `norm`(x, node name) is that norm; `scale` multiplies its result.
void finish_decoder(ModelBuilder& builder, const DecoderInputs& inputs, const std::vector<ValueId>& states,
                    const std::function<ValueId(ValueId x, const std::string& node)>& norm, WeightId head,
                    const HeadOptions& options, float scale = 1.0f);

/// Ends the part "decoder", and adds "copy_pages", on demand: page `from` of every state that grows with the tokens to
/// page `to`, i32 [1] each. What an encoder wrote never changes, so its pages are shared and need no copies. Refuses
/// other heads than `head`.
Result<BuiltModel> decoder_model(ModelBuilder& builder, ModelFacts facts, const ModelConfig& config,
                                 const HeadOptions& options, Head head = Head::kNextToken);
/// What config.json and generation_config.json say of generating: ids that end a sequence, the token that a decoder
/// with an encoder begins with, how long a text gets. What is absent leaves the facts as they are.
Result<> read_generation_config(ModelFacts& facts, std::string_view json);

}  // namespace ipfs_accelerate
