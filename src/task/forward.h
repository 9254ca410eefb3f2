// Forward: everything that a model computes of given ids, for golden runs.
#pragma once

#include "task/decoder.h"

namespace ipfs_accelerate {

/// Feeds a decoder `input_ids` [batch, sequence], of which those count whose `attention_mask` (absent: all) is 1, and
/// gives the wanted outputs; those per picked row as [batch, sequence, ...], with zeros where the mask is 0.
Async<std::vector<NamedTensor>> forward(TaskRun& run, std::vector<NamedTensor> given, std::vector<std::string> wanted);

}  // namespace ipfs_accelerate
