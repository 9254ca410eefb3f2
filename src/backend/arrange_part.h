// Stored tensors as the graph wants them: the one place that reshapes and transposes parts of weights.
#pragma once

#include "backend/backend.h"

namespace ipfs_accelerate {

/// Gives a part as it lies in its file the shape it has in the graph. Returns the bytes that part.bytes then views, for
/// the caller to keep; none when they stay where they are. kWrongShape when the part cannot have that shape.
Result<Bytes> arrange_part(const Weight& weight, WeightPart& part);

}  // namespace ipfs_accelerate
