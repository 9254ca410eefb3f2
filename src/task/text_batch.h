// Texts -> one padded batch of input tensors; shared by all text tasks.
#pragma once

#include "task/task.h"

namespace ipfs_accelerate {

/// Tokenizes `items`, cutting at the model's length (or kInputTooLong), and pads them on the right to the longest.
/// Inputs: input_ids, position_ids, token_type_ids (where the model has them), attention_mask; all i32 [batch,
/// sequence]. Every id is checked against its table, so that none can be read outside.
Result<Batch> make_text_batch(const TaskModel& model, const std::vector<TextInput>& items, const TaskOptions& options);

/// The same from encodings that are there already.
Result<Batch> make_encoded_batch(const TaskModel& model, std::vector<Encoding> encodings);

/// kNotFinite when a number of the output is NaN or infinite; kInternal when it is no f32 tensor [rows, ...].
Result<> check_output(const Tensor& output, std::int64_t rows);

/// Probabilities of one row of scores.
std::vector<double> softmax(std::span<const float> scores);
/// Indices of the `count` largest, best first; of equal ones the lower index first.
std::vector<std::size_t> largest(std::span<const double> scores, std::size_t count);

}  // namespace ipfs_accelerate
