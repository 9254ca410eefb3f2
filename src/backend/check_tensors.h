// What every backend checks before a run.
#pragma once

#include "backend/backend.h"

namespace ipfs_accelerate {

/// kInvalidArgument when the tensors of a run are not those of the graph at this shape.
Result<> check_tensors(const Graph& graph, const ShapeClass& shape, std::span<const TensorRef> inputs,
                       std::span<const MutableTensorRef> outputs);

}  // namespace ipfs_accelerate
