// Image: a picture as pixels, and how large one may be.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace ipfs_accelerate {

/// The longest side that a picture may have; its area may be that of a square with a side of half that.
constexpr std::int64_t kMaxImageSide = 16384;
constexpr std::int64_t kMaxImagePixels = (kMaxImageSide / 2) * (kMaxImageSide / 2);

struct Image {
  int width = 0, height = 0;
  Bytes pixels;  ///< red, green, blue of every pixel, 8 bits each, row by row from the top left
};

/// kLimitExceeded for more than the limits allow, kInvalidArgument for no pixels at all; the message begins with
/// `what`.
Result<> check_image_size(std::string_view what, std::int64_t width, std::int64_t height);
/// The same, and kInvalidArgument when the bytes are not those of so many pixels.
Result<> check_image(const Image& image);
/// Black.
Result<Image> make_image(std::int64_t width, std::int64_t height);

/// The picture upright: `orientation` is EXIF's (1 to 8), which says how it was stored.
Image upright(Image stored, int orientation);

}  // namespace ipfs_accelerate
