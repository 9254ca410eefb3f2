// The files around a model that decide how its texts are cut, pooled and masked.
#pragma once

#include "engine/pipeline.h"

namespace ipfs_accelerate {

struct Pooling {
  PoolMode mode = PoolMode::kMean;
  bool normalize = false;
};
/// From modules.json and the pooling module's config.json; mean without normalize when there is no modules.json.
/// kMalformedConfig names what is not understood, kNotFound a pooling file that is missing.
Result<Pooling> read_pooling(const ModelFiles& files);

/// The shortest of the model's length, tokenizer_config.json's model_max_length and sentence_bert_config.json's
/// max_seq_length.
Result<std::int64_t> read_max_tokens(const ModelFiles& files, std::int64_t model_limit);

/// The mask token of tokenizer_config.json or special_tokens_map.json; empty when neither names one.
Result<std::string> read_mask_token(const ModelFiles& files);

}  // namespace ipfs_accelerate
