// Sizes of pictures, and turning them as EXIF says.
#include "input/image/image.h"

#include <cstring>

namespace ipfs_accelerate {

Result<> check_image_size(std::string_view what, std::int64_t width, std::int64_t height) {
  if (width <= 0 || height <= 0) {
    return fail(ErrorCode::kInvalidArgument, "{} is {} x {}: there is nothing in it", what, width, height);
  }
  if (width > kMaxImageSide || height > kMaxImageSide || width * height > kMaxImagePixels) {
    return fail(ErrorCode::kLimitExceeded,
                "{} is {} x {}; a side may have {} pixels and the whole {}: make the picture smaller", what, width,
                height, kMaxImageSide, kMaxImagePixels);
  }
  return {};
}

Result<> check_image(const Image& image) {
  IA_TRY(check_image_size("the picture", image.width, image.height));
  const std::size_t needed = 3 * static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height);
  if (image.pixels.size() == needed) return {};
  return fail(ErrorCode::kInvalidArgument,
              "a picture of {} x {} pixels has {} bytes (red, green, blue of each), not {}", image.width, image.height,
              needed, image.pixels.size());
}

Result<Image> make_image(std::int64_t width, std::int64_t height) {
  IA_TRY(check_image_size("the picture", width, height));
  return Image{static_cast<int>(width), static_cast<int>(height), Bytes(static_cast<std::size_t>(3 * width * height))};
}

Image upright(Image stored, int orientation) {
  if (orientation < 2 || orientation > 8) return stored;
  const bool swapped = orientation >= 5;  // rows were stored as columns
  const bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Image turned{swapped ? stored.height : stored.width, swapped ? stored.width : stored.height,
               Bytes(stored.pixels.size())};
  std::uint8_t* out = turned.pixels.data();
  for (int y = 0; y < turned.height; ++y) {
    for (int x = 0; x < turned.width; ++x, out += 3) {
      const int along = swapped ? y : x, down = swapped ? x : y;
      const int column = from_right ? stored.width - 1 - along : along;
      const int row = from_bottom ? stored.height - 1 - down : down;
      const std::int64_t at = 3 * (static_cast<std::int64_t>(row) * stored.width + column);
      std::memcpy(out, stored.pixels.data() + at, 3);
    }
  }
  return turned;
}

}  // namespace ipfs_accelerate
