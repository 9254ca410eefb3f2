// Pillow's resampling: the filter widens with the reduction, weights are rounded to 22 bits, and each pass rounds to
// 8 bits, first along rows, then along columns. Other orders or widths give other pixels.
#include "input/image/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <vector>

#pragma STDC FP_CONTRACT OFF  // a fused multiply-add would round weights otherwise on some machines

namespace ipfs_accelerate {
namespace {

constexpr int kWeightBits = 22;

struct Filter {
  double support;  ///< pixels on each side, before it widens
  double (*at)(double x);
};

double bilinear(double x) {
  x = std::abs(x);
  return x < 1.0 ? 1.0 - x : 0.0;
}

double bicubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

double sinc(double x) {
  if (x == 0.0) return 1.0;
  x = x * std::numbers::pi;
  return std::sin(x) / x;
}

double lanczos(double x) { return -3.0 <= x && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0; }

Filter filter_of(Resample resample) {
  if (resample == Resample::kBilinear) return {1.0, bilinear};
  return resample == Resample::kBicubic ? Filter{2.0, bicubic} : Filter{3.0, lanczos};
}

/// Which pixels of a row or column make one of the result, and how much each counts.
struct Taps {
  int first = 0;
  std::vector<std::int32_t> weights;
};

std::int32_t fixed_point(double weight) {
  return static_cast<std::int32_t>((weight < 0 ? -0.5 : 0.5) + weight * (1 << kWeightBits));
}

Taps taps_at(double center, double widened, double support, int in_size, const Filter& filter) {
  const int first = std::max(0, static_cast<int>(center - support + 0.5));
  const int end = std::min(in_size, static_cast<int>(center + support + 0.5));
  std::vector<double> weights;
  double sum = 0.0;
  for (int x = 0; x < end - first; ++x) {
    weights.push_back(filter.at((x + first - center + 0.5) * (1.0 / widened)));
    sum += weights.back();
  }
  Taps taps{first, {}};
  for (const double weight : weights) taps.weights.push_back(fixed_point(sum != 0.0 ? weight / sum : weight));
  return taps;
}

std::vector<Taps> taps_for(int in_size, int out_size, const Filter& filter) {
  const double scale = static_cast<double>(in_size) / out_size;
  const double widened = std::max(scale, 1.0);
  std::vector<Taps> taps;
  taps.reserve(static_cast<std::size_t>(out_size));
  for (int out = 0; out < out_size; ++out) {
    taps.push_back(taps_at((out + 0.5) * scale, widened, filter.support * widened, in_size, filter));
  }
  return taps;
}

std::uint8_t rounded(std::int32_t sum) { return static_cast<std::uint8_t>(std::clamp(sum >> kWeightBits, 0, 255)); }

/// One colour of one pixel; `step` bytes lie between pixels that count.
std::uint8_t weighed(const std::uint8_t* in, std::size_t step, const Taps& taps) {
  std::int32_t sum = 1 << (kWeightBits - 1);
  for (const std::int32_t weight : taps.weights) {
    sum += *in * weight;
    in += step;
  }
  return rounded(sum);
}

std::size_t row_bytes(const Image& image) { return 3 * static_cast<std::size_t>(image.width); }

Result<Image> along_rows(const Image& image, int width, const Filter& filter) {
  IA_TRY(check_image_size("what resizing makes of the rows alone", width, image.height));
  IA_ASSIGN(Image out, make_image(width, image.height));
  const std::vector<Taps> taps = taps_for(image.width, width, filter);
  std::uint8_t* to = out.pixels.data();
  for (int y = 0; y < image.height; ++y) {
    const std::uint8_t* const row = image.pixels.data() + static_cast<std::size_t>(y) * row_bytes(image);
    for (const Taps& one : taps) {
      for (std::size_t color = 0; color < 3; ++color) {
        *to++ = weighed(row + 3 * static_cast<std::size_t>(one.first) + color, 3, one);
      }
    }
  }
  return out;
}

/// Row by row of the source, so that memory is read in order.
Result<Image> along_columns(const Image& image, int height, const Filter& filter) {
  IA_ASSIGN(Image out, make_image(image.width, height));
  const std::size_t bytes = row_bytes(image);
  std::vector<std::int32_t> sums(bytes);
  std::uint8_t* to = out.pixels.data();
  for (const Taps& one : taps_for(image.height, height, filter)) {
    std::ranges::fill(sums, 1 << (kWeightBits - 1));
    const std::uint8_t* from = image.pixels.data() + static_cast<std::size_t>(one.first) * bytes;
    for (const std::int32_t weight : one.weights) {
      for (std::size_t i = 0; i < bytes; ++i) sums[i] += from[i] * weight;
      from += bytes;
    }
    for (std::size_t i = 0; i < bytes; ++i) *to++ = rounded(sums[i]);
  }
  return out;
}

/// Positions add up step by step, as Pillow's do.
std::vector<int> nearest_positions(int in_size, int out_size) {
  const double step = static_cast<double>(in_size) / out_size;
  std::vector<int> positions;
  double at = step * 0.5;
  for (int out = 0; out < out_size; ++out, at += step) {
    positions.push_back(std::min(static_cast<int>(at), in_size - 1));
  }
  return positions;
}

Result<Image> nearest(const Image& image, int width, int height) {
  IA_ASSIGN(Image out, make_image(width, height));
  const std::vector<int> columns = nearest_positions(image.width, width);
  std::uint8_t* to = out.pixels.data();
  for (const int y : nearest_positions(image.height, height)) {
    const std::uint8_t* const row = image.pixels.data() + static_cast<std::size_t>(y) * row_bytes(image);
    for (const int x : columns) {
      std::memcpy(to, row + 3 * static_cast<std::size_t>(x), 3);
      to += 3;
    }
  }
  return out;
}

}  // namespace

Result<Image> resize(const Image& image, std::int64_t width, std::int64_t height, Resample resample) {
  IA_TRY(check_image(image));
  IA_TRY(check_image_size("the resized picture", width, height));
  if (width == image.width && height == image.height) return image;
  const int out_width = static_cast<int>(width), out_height = static_cast<int>(height);
  if (resample == Resample::kNearest) return nearest(image, out_width, out_height);
  const Filter filter = filter_of(resample);
  if (out_width == image.width) return along_columns(image, out_height, filter);
  IA_ASSIGN(Image rows, along_rows(image, out_width, filter));
  if (out_height == image.height) return rows;
  return along_columns(rows, out_height, filter);
}

}  // namespace ipfs_accelerate
