// Forward: everything that a model computes of given ids, for golden runs.
#pragma once

#include "task/decoder.h"

namespace ipfs_accelerate {

/// Feeds a decoder `input_ids` [batch, sequence], of which those count whose `attention_mask` (absent: all) is 1, and
/// gives the wanted outputs; those per picked row as [batch, sequence, ...], with zeros where the mask is 0.
Async<std::vector<NamedTensor>> forward(TaskRun& run, std::vector<NamedTensor> given, std::vector<std::string> wanted);

/// The same of a model with an encoder, which gets `input_ids` and `attention_mask`, padded on the right; its decoder
/// gets `decoder_input_ids` and `decoder_attention_mask`.
Async<std::vector<NamedTensor>> forward_both(TaskRun& run, std::vector<NamedTensor> given,
                                             std::vector<std::string> of_encoder, std::vector<std::string> of_decoder);

}  // namespace ipfs_accelerate
