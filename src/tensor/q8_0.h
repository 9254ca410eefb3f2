// Q8_0, as GGUF has it: blocks of 32 signed bytes with an f16 scale before them.
#pragma once

#include <span>

#include "base/bytes.h"

namespace ipfs_accelerate {

/// value = scale * byte. `bytes` are whole blocks of 34, `out` has 32 floats for each.
void widen_q8_0(ByteView bytes, std::span<float> out);
/// The index of the first element whose scale is NaN or infinite, or the count of elements.
std::size_t find_non_finite_q8_0(ByteView bytes);

}  // namespace ipfs_accelerate
