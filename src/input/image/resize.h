// Resizing pictures as Pillow does, to the bit.
#pragma once

#include "input/image/image.h"

namespace ipfs_accelerate {

/// Pillow's numbers, which preprocessor_config.json uses.
enum class Resample : std::uint8_t { kNearest = 0, kLanczos = 1, kBilinear = 2, kBicubic = 3 };

/// kLimitExceeded when the result, or what lies between the two passes, would be larger than pictures may be.
Result<Image> resize(const Image& image, std::int64_t width, std::int64_t height, Resample resample);

}  // namespace ipfs_accelerate
