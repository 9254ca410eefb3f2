// Texts -> one padded batch of input tensors; shared by all tasks on texts.
#pragma once

#include "task/task.h"

namespace ipfs_accelerate {

struct TextBatch {
  Batch tensors;
  std::vector<Encoding> encodings;  ///< one for each item
};

/// Tokenizes `items` (texts and pairs) on the pool, cutting at the model's length (or kInputTooLong), counts the
/// tokens. Inputs, as rows of their own lengths: input_ids, position_ids, token_type_ids (where the model has
/// them and one is not 0), attention_mask.
Async<TextBatch> text_batch(TaskRun& run, std::vector<Content> items);

/// The steps of it. Every id is checked against its table, so that none can be read outside.
Result<std::vector<Encoding>> encode_texts(const ModelFacts& facts, const Tokenizer& tokenizer,
                                           const std::vector<Content>& items, const TaskOptions& options);
Result<Batch> encoded_batch(const ModelFacts& facts, const std::vector<Encoding>& encodings);

/// kNotFinite when a number of the output is NaN or infinite; kInternal when it is no f32 tensor [rows, ...].
Result<> check_output(const Tensor& output, std::int64_t rows);

/// Probabilities of one row of scores.
std::vector<double> softmax(std::span<const float> scores);
/// Indices of the `count` largest, best first; of equal ones the lower index first.
std::vector<std::size_t> largest(std::span<const double> scores, std::size_t count);

}  // namespace ipfs_accelerate
