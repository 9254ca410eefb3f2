// Batching: which inputs run together, and the shapes they are padded to so that few shapes are ever compiled.
#pragma once

#include <vector>

#include "ipfs_accelerate/run.h"
#include "model/model.h"
#include "task/task.h"

namespace ipfs_accelerate {

/// Groups of at most `batch_size` input indices. Long inputs come together, so that short ones carry little padding;
/// the longest group is first, so that the largest buffers are made once.
std::vector<std::vector<std::size_t>> length_sorted_batches(const std::vector<Input>& inputs, std::size_t batch_size);

/// The shape class to run `shape` in. Sequence: the next multiple of 8 (to 64), 16 (to 256) or 64, at most max_tokens.
/// Batch and rows: 1, 2, 3, 4, 6, 8, 12, 16, 24, 32 ...
ShapeClass shape_bucket(const ShapeClass& shape, std::int64_t max_tokens);

/// Pads the tensors of `batch` to `to`; row numbers are moved to the new sequence length. batch.shape becomes `to`.
/// Padded tokens are masked; a padded item attends to its first token, so that it stays finite.
Result<> pad_batch(Batch& batch, const ShapeClass& to, const ModelFacts& facts);

/// The part of an output that belongs to the unpadded shape.
Result<Tensor> crop_output(Tensor output, const std::vector<Dim>& dims, const ShapeClass& padded,
                           const ShapeClass& real);

}  // namespace ipfs_accelerate
