// The log-mel spectrogram: windowed frames, their spectra, bands, logarithm.
#include "input/audio/log_mel.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace ipfs_accelerate {
namespace {

// Frames are computed side by side, so that one number of the tables serves several and compilers find SIMD.
constexpr std::size_t kLanes = 8;
using Lanes = std::array<double, kLanes>;

/// The sound's beginning, padded to `count` samples.
std::vector<float> fitted(const Samples& sound, std::int64_t count, float padding_value) {
  std::vector<float> values(static_cast<std::size_t>(count), padding_value);
  std::copy_n(sound.values.begin(), std::min(values.size(), sound.values.size()), values.begin());
  return values;
}

/// A place before the first sample or behind the last is mirrored there.
std::size_t mirrored(std::int64_t at, std::int64_t count) {
  if (at < 0) at = -at;
  return static_cast<std::size_t>(at < count ? at : 2 * (count - 1) - at);
}

/// Several frames whose second halves are folded onto their first: the sums go with cosines, the differences with
/// sines, which is half the work.
struct FoldedFrames {
  std::vector<Lanes> sums, differences;
  bool silent = true;

  explicit FoldedFrames(std::size_t half) : sums(half + 1), differences(half + 1) {}

  /// Frames from `first` on, centred on their places; those from `end` on are silent.
  void read(std::span<const float> samples, std::span<const double> window, std::int64_t first, std::int64_t end,
            std::int64_t hop) {
    silent = true;
    const std::size_t half = sums.size() - 1;
    const auto count = static_cast<std::int64_t>(samples.size());
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const std::int64_t frame = first + static_cast<std::int64_t>(lane);
      const std::int64_t start = frame * hop - static_cast<std::int64_t>(half);
      const auto at = [&](std::size_t i) {
        return frame < end ? window[i] * samples[mirrored(start + static_cast<std::int64_t>(i), count)] : 0;
      };
      for (std::size_t i = 0; i <= half; ++i) {
        const bool alone = i == 0 || i == half;
        const double one = at(i), other = alone ? 0 : at(2 * half - i);
        sums[i][lane] = one + other;
        differences[i][lane] = alone ? 0 : one - other;
        silent = silent && one == 0 && other == 0;
      }
    }
  }
};

/// What the frames hold of frequency k: the square of its Fourier coefficient.
Lanes power(const FoldedFrames& frames, std::size_t k, std::span<const double> cos, std::span<const double> sin) {
  Lanes real{}, imaginary{};
  std::size_t angle = 0;  // k * i, around the circle
  for (std::size_t i = 0; i < frames.sums.size(); ++i) {
    const double c = cos[angle], s = sin[angle];
    const Lanes& sum = frames.sums[i];
    const Lanes& difference = frames.differences[i];
    for (std::size_t lane = 0; lane < kLanes; ++lane) real[lane] += c * sum[lane];
    for (std::size_t lane = 0; lane < kLanes; ++lane) imaginary[lane] += s * difference[lane];
    angle += k;
    if (angle >= cos.size()) angle -= cos.size();
  }
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    real[lane] = real[lane] * real[lane] + imaginary[lane] * imaginary[lane];
  }
  return real;
}

/// The logarithm of what a band hears of each frame.
Lanes logarithms(const MelBand& band, std::span<const Lanes> powers) {
  Lanes heard{};
  for (std::size_t i = 0; i < band.weights.size(); ++i) {
    const Lanes& power = powers[band.first + i];
    for (std::size_t lane = 0; lane < kLanes; ++lane) heard[lane] += band.weights[i] * power[lane];
  }
  for (double& value : heard) value = std::log10(std::max(value, 1e-10));
  return heard;
}

/// What lies 80 dB and more below the loudest is raised to that; then about -1 to 1.
void compress(std::span<float> logarithms) {
  const float floor = *std::ranges::max_element(logarithms) - 8;
  for (float& value : logarithms) value = (std::max(value, floor) + 4) / 4;
}

}  // namespace

Result<LogMel> LogMel::make(const LogMelConfig& config) {
  IA_TRY(config.check());
  LogMel made;
  made.config_ = config;
  made.bands_ = mel_bands(config);
  for (int i = 0; i < config.transform; ++i) {
    const double angle = 2 * std::numbers::pi * i / config.transform;
    made.cos_.push_back(std::cos(angle));
    made.sin_.push_back(std::sin(angle));
    made.window_.push_back((1 - made.cos_.back()) / 2);  // Hann's, periodic
  }
  return made;
}

Result<Tensor> LogMel::features(const Samples& sound) const {
  IA_TRY(check_samples(sound, config_.rate));
  const std::vector<float> samples = fitted(sound, config_.samples(), config_.padding_value);
  const auto frames = static_cast<std::size_t>(config_.frames());
  Tensor tensor = Tensor::f32({config_.bins, config_.frames()});
  const std::span<float> out = tensor.f32s();
  FoldedFrames folded(window_.size() / 2);
  std::vector<Lanes> powers(folded.sums.size());
  for (std::size_t first = 0; first < frames; first += kLanes) {
    folded.read(samples, window_, static_cast<std::int64_t>(first), config_.frames(), config_.hop);
    for (std::size_t k = 0; k < powers.size(); ++k) {
      powers[k] = folded.silent ? Lanes{} : power(folded, k, cos_, sin_);
    }
    const std::size_t lanes = std::min(kLanes, frames - first);
    for (std::size_t bin = 0; bin < bands_.size(); ++bin) {
      const Lanes heard = logarithms(bands_[bin], powers);
      std::ranges::transform(heard.begin(), heard.begin() + static_cast<std::ptrdiff_t>(lanes),
                             &out[bin * frames + first], [](double value) { return static_cast<float>(value); });
    }
  }
  compress(out);
  return tensor;
}

}  // namespace ipfs_accelerate
