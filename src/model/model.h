// Architectures: config.json + the table of stored tensors -> a graph.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace ipfs_accelerate {

/// How position ids come from token ids.
enum class PositionRule : std::uint8_t {
  kAbsolute,    ///< 0, 1, 2 ...
  kAfterPadId,  ///< RoBERTa: pad id + 1, + 2 ... on real tokens, pad id on padding
};

/// What a task must know of a model besides its graph.
struct ModelFacts {
  std::string architecture;  ///< "bert"
  std::string model_type;    ///< the kind of model for Result: "text_embedding", "fill_mask" ...
  std::int64_t hidden = 0, layers = 0, heads = 0, vocabulary = 0;
  std::int64_t max_tokens = 0;  ///< longest sequence, special tokens included
  std::int64_t pad_id = 0;
  bool token_types = false;  ///< the graph has an input token_type_ids
  PositionRule positions = PositionRule::kAbsolute;
  std::vector<std::string> labels;   ///< id2label of a classifier
  bool multi_label = false;          ///< sigmoid, not softmax: problem_type multi_label_classification, or one label
  bool regression = false;           ///< problem_type regression: raw scores
  std::int64_t type_vocabulary = 0;  ///< rows of the token type table; token type ids are below
  /// Of pictures (input pixel_values [batch, channels, height, width], at least a patch high and wide); 0: it takes
  /// none.
  std::int64_t channels = 0;
  std::int64_t picture_size = 0, patch_size = 0;  ///< pixels of a side: of pictures it was made for, of a patch
};

/// What to put after the encoder. kClassify of pictures reads the class token.
enum class Head : std::uint8_t { kHidden, kEmbedding, kMaskedTokens, kAllTokens, kClassify };
struct HeadOptions {
  Head head = Head::kHidden;
  PoolMode pool = PoolMode::kMean;
  bool normalize = false;
  /// Golden runs: also output hidden_states.0 ... hidden_states.N (with Head::kHidden the last one is called
  /// last_hidden_state), pooler_output where the files have a pooler, and pooled (before normalize) with kEmbedding.
  bool hidden_states = false;
};

struct BuiltModel {
  Graph graph;  ///< inputs among input_ids, position_ids, token_type_ids, attention_mask, rows, or pixel_values; first
                ///< output by head:
                ///< last_hidden_state | embedding | logits ([rows, vocab], [batch, seq, vocab] or [batch, labels])
  ModelFacts facts;
};

/// config_json: config.json of transformers 4 or 5. kUnknownArchitecture names the known ones; kMalformedConfig,
/// kMissingWeight, kWrongShape say which key or tensor.
Result<BuiltModel> build_model(std::string_view config_json, const TensorTable& tensors, const HeadOptions& options);

/// The task a configuration is made for, from "architectures" and "model_type": "feature-extraction", "fill-mask",
/// "text-classification", "image-classification".
Result<std::string> default_task(std::string_view config_json);

}  // namespace ipfs_accelerate
