// Carrying out a processor's steps, rounding where transformers rounds.
#include "input/image/image_processor.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace ipfs_accelerate {
namespace {

struct Size {
  std::int64_t width = 0, height = 0;
};

/// The shorter side becomes `size.height`; with a bound for the longer side less, when that would pass it.
Size by_shortest_edge(const Image& image, const ImageSize& size) {
  const double longer = std::max(image.width, image.height), shorter = std::min(image.width, image.height);
  double edge = size.height;
  std::int64_t rounded = size.height;
  const bool bounded = size.longest != 0 && longer / shorter * edge > size.longest;
  if (bounded) {
    edge = size.longest * shorter / longer;
    rounded = static_cast<std::int64_t>(std::nearbyint(edge));  // to even, as Python rounds
  }
  // A bounded picture keeps the unrounded edge for its longer side, and one that fits already keeps its size.
  const bool fits = size.longest != 0 && static_cast<std::int64_t>(shorter) == rounded;
  const auto other = static_cast<std::int64_t>(fits ? longer : edge * longer / shorter);
  return image.width <= image.height ? Size{rounded, other} : Size{other, rounded};
}

Size resized_size(const Image& image, const ImageSize& size) {
  return size.kind == ImageSize::Kind::kExact ? Size{size.width, size.height} : by_shortest_edge(image, size);
}

/// Where the crop begins in the picture; negative when black comes first.
int crop_start(int size, int crop) { return crop <= size ? (size - crop) / 2 : -((crop - size + 1) / 2); }

Result<Image> center_crop(const Image& image, const ImageSize& size) {
  IA_ASSIGN(Image out, make_image(size.width, size.height));
  const int left = crop_start(image.width, size.width), top = crop_start(image.height, size.height);
  const int begin = std::max(0, -left), end = std::min(size.width, image.width - left);  // columns that are there
  for (int y = 0; y < size.height; ++y) {
    const int row = y + top;
    if (row < 0 || row >= image.height) continue;
    const std::int64_t from = static_cast<std::int64_t>(row) * image.width + left + begin;
    const std::int64_t to = static_cast<std::int64_t>(y) * size.width + begin;
    std::memcpy(out.pixels.data() + 3 * to, image.pixels.data() + 3 * from, 3 * static_cast<std::size_t>(end - begin));
  }
  return out;
}

}  // namespace

Result<Image> ImageProcessor::resize_and_crop(const Image& image) const {
  IA_TRY(check_image(image));
  if (!resize_to_) return crop_ ? center_crop(image, *crop_) : image;
  const Size size = resized_size(image, *resize_to_);
  IA_ASSIGN(Image resized, resize(image, size.width, size.height, resample_));
  return crop_ ? center_crop(resized, *crop_) : std::move(resized);
}

Result<Tensor> ImageProcessor::prepare(const Image& image) const {
  IA_ASSIGN(const Image made, resize_and_crop(image));
  const std::size_t count = static_cast<std::size_t>(made.width) * static_cast<std::size_t>(made.height);
  if (count > kMaxPreparedPixels) {
    return fail(ErrorCode::kLimitExceeded,
                "preparing a picture of {} x {} would give the model {} x {} pixels; the limit is {} in all: make the "
                "picture smaller",
                image.width, image.height, made.width, made.height, kMaxPreparedPixels);
  }
  Tensor tensor = Tensor::f32({3, made.height, made.width});
  const std::span<float> out = tensor.f32s();
  for (std::size_t color = 0; color < 3; ++color) {
    std::array<float, 256> values{};  // a level becomes the same number wherever it is
    for (std::size_t level = 0; level < values.size(); ++level) {
      auto value = static_cast<float>(level);
      if (rescale_factor_) value = static_cast<float>(static_cast<double>(level) * *rescale_factor_);
      values[level] = normalize_ ? (value - mean_[color]) / std_[color] : value;
    }
    for (std::size_t i = 0; i < count; ++i) out[color * count + i] = values[made.pixels[3 * i + color]];
  }
  return tensor;
}

std::optional<ImageSize> ImageProcessor::prepared_size() const {
  if (crop_) return crop_;
  if (resize_to_ && resize_to_->kind == ImageSize::Kind::kExact) return resize_to_;
  return std::nullopt;
}

}  // namespace ipfs_accelerate
