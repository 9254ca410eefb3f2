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
  std::int64_t context = 0;     ///< rows of a sequence that its page table has room for; of who generates
  std::int64_t pad_id = 0;
  bool token_types = false;  ///< the graph has an optional input token_type_ids
  PositionRule positions = PositionRule::kAbsolute;
  std::vector<std::string> labels;   ///< id2label of a classifier
  bool multi_label = false;          ///< sigmoid, not softmax: problem_type multi_label_classification, or one label
  bool regression = false;           ///< problem_type regression: raw scores
  std::int64_t type_vocabulary = 0;  ///< rows of the token type table; token type ids are below
  /// Of pictures (input pixel_values [batch, channels, height, width], at least a patch high and wide); 0: it takes
  /// none.
  std::int64_t channels = 0;
  std::int64_t picture_size = 0, patch_size = 0;  ///< pixels of a side: of pictures it was made for, of a patch
  std::vector<std::int32_t> stop_ids;             ///< that end a generated sequence
  std::int32_t decoder_start = -1;                ///< the first token of a decoder that has an encoder
  std::int64_t max_new_tokens = 256;              ///< generated where the caller does not say how many
  std::int32_t mask_id = -1;                      ///< the tokenizer's mask token; -1: none (the pipeline looks)
};

/// What to put after the encoder. kClassify of pictures reads the class token. kSequenceToSequence: next tokens of a
/// decoder that attends to what an encoder made of another text.
enum class Head : std::uint8_t {
  kHidden,
  kEmbedding,
  kMaskedTokens,
  kAllTokens,
  kClassify,
  kNextToken,
  kSequenceToSequence
};
struct HeadOptions {
  Head head = Head::kHidden;
  PoolMode pool = PoolMode::kMean;
  bool normalize = false;
  /// Golden runs: also output hidden_states.0 ... hidden_states.N (with Head::kHidden the last one is called
  /// last_hidden_state), pooler_output where the files have a pooler, and pooled (before normalize) with kEmbedding.
  bool hidden_states = false;
};

struct BuiltModel {
  /// An encoder is one part, "model": inputs among input_ids, position_ids, token_type_ids, attention_mask, rows, or
  /// pixel_values; the first output by head: last_hidden_state | embedding | logits ([rows, vocab], [batch, seq, vocab]
  /// or [batch, labels]). Who generates has parts "decoder" and "copy_pages" (model/decoder.h), perhaps after an
  /// "encoder" (input_ids, attention_mask, and where the rows go that the decoder attends to: task/sources.h).
  std::vector<Part> parts;
  ModelFacts facts;

  const Graph& graph() const { return parts.front().graph; }  ///< of a model of one part
};

/// Kinds of small files that a family of models reads beside config.json; together in a number.
enum ModelFileKinds : unsigned { kTextFiles = 1, kPictureFiles = 2, kGenerationFiles = 4 };
inline constexpr unsigned kAllModelFiles = kTextFiles | kPictureFiles | kGenerationFiles;

/// Those of the architecture that config.json names. kUnknownArchitecture as build_model().
Result<unsigned> file_kinds_of_config(std::string_view config_json);

/// config_json: config.json of transformers 4 or 5. kUnknownArchitecture names the known ones; kMalformedConfig,
/// kMissingWeight, kWrongShape say which key or tensor.
Result<BuiltModel> build_model(std::string_view config_json, const TensorTable& tensors, const HeadOptions& options);

/// config.json's "architectures": the classes it was made for, perhaps none. kUnknownArchitecture as build_model().
Result<std::vector<std::string>> classes_of_config(std::string_view config_json);

}  // namespace ipfs_accelerate
