// Batching: which inputs run together, and the shapes they are padded to so that few shapes are ever compiled.
#pragma once

#include <vector>

#include "ipfs_accelerate/run.h"
#include "task/task.h"

namespace ipfs_accelerate {

/// Groups of at most `batch_size` input indices. Long inputs come together, so that short ones carry little padding;
/// the longest group is first, so that the largest buffers are made once.
std::vector<std::vector<std::size_t>> length_sorted_batches(const std::vector<Content>& inputs, std::size_t batch_size);

/// A batch of given tensors, one for each input of `graph`, optional ones perhaps left out; its shape class follows
/// from their dimensions. kInvalidArgument, kWrongShape name the tensor.
Result<Batch> named_batch(const Graph& graph, std::vector<NamedTensor> tensors);

/// The batch's tensors that the graph reads, in its order; its shape class leaves out the optional inputs that it has
/// no tensor for. kInternal names another one that is missing.
Result<Batch> fit_batch(const Graph& graph, Batch batch);

/// One sequence of the full length, with every input: every symbol at its limit, or 1.
ShapeClass full_shape(const Graph& graph);

/// The shape class to run `shape` in: each base symbol of the graph rounded up as its Bucket says, the same inputs
/// left out.
ShapeClass shape_bucket(const Graph& graph, const ShapeClass& shape);

/// Pads the tensors of `batch`, inputs of `graph`, to the shape `to`, as the graph says of each. batch.shape becomes
/// `to`.
Result<> pad_batch(Batch& batch, const Graph& graph, const ShapeClass& to);

/// The part of an output that belongs to the unpadded shape `to`.
Result<Tensor> crop_output(Tensor output, const Shape& to);

}  // namespace ipfs_accelerate
