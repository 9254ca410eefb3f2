// ImageProcessor: preprocessor_config.json, and a picture made into what a vision model takes.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "input/image/image.h"
#include "input/image/resize.h"
#include "tensor/tensor.h"

namespace ipfs_accelerate {

/// Sizes as preprocessor_config.json names them.
struct ImageSize {
  enum class Kind : std::uint8_t {
    kExact,         ///< height and width
    kShortestEdge,  ///< height = width = the shorter side; `longest` (0: none) bounds the other
  };
  Kind kind = Kind::kExact;
  int height = 0, width = 0, longest = 0;
};

class ImageProcessor {
 public:
  /// Most pixels of a prepared picture, 12 bytes each.
  static constexpr std::int64_t kMaxPreparedPixels = std::int64_t{1} << 24;

  /// `model_type` (of config.json) says what the processor is where an old file does not. kMalformedConfig names the
  /// key.
  static Result<ImageProcessor> from_json(std::string_view preprocessor_config, std::string_view model_type = {});

  /// f32 [3, height, width]: resized, cropped, rescaled, normalized, in this order, as transformers' PIL processors do.
  /// Plain work for Compute::offload(). kInvalidArgument, kLimitExceeded.
  Result<Tensor> prepare(const Image& image) const;
  /// The same up to the crop: 8-bit pixels.
  Result<Image> resize_and_crop(const Image& image) const;
  /// Of every prepared picture; nothing where it depends on the picture.
  std::optional<ImageSize> prepared_size() const;

 private:
  friend struct ImageProcessorReader;
  std::optional<ImageSize> resize_to_;
  Resample resample_ = Resample::kBilinear;
  std::optional<ImageSize> crop_;
  std::optional<double> rescale_factor_;
  bool normalize_ = false;
  std::array<float, 3> mean_{}, std_{};
};

}  // namespace ipfs_accelerate
