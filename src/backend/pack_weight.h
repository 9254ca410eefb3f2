// Stored weight bytes in the element type in which a device wants them.
#pragma once

#include "backend/backend.h"

namespace ipfs_accelerate {

/// `size` bytes: the parts one after the other as kF32 or kF16, then zeros. kUnsupportedDtype for integer tensors,
/// kWrongShape when the parts are not the weight.
Result<Bytes> pack_weight(const Weight& weight, std::span<const WeightPart> parts, Dtype dtype, std::size_t size);

}  // namespace ipfs_accelerate
