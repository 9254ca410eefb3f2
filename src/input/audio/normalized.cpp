// Padding sounds to rows of one length, and normalizing them.
#include "input/audio/normalized.h"

#include <algorithm>
#include <cmath>

namespace ipfs_accelerate {
namespace {

Result<std::size_t> check_sounds(const WaveformConfig& config, std::span<const Samples> sounds) {
  if (sounds.empty()) return fail(ErrorCode::kInvalidArgument, "there are no sounds to prepare");
  std::size_t longest = 0;
  for (std::size_t i = 0; i < sounds.size(); ++i) {
    if (auto good = check_samples(sounds[i], config.rate); !good) {
      return while_doing(std::move(good).error(), "preparing sound {}", i);
    }
    longest = std::max(longest, sounds[i].values.size());
  }
  if (longest <= static_cast<std::size_t>(kMaxSamples) / sounds.size()) return longest;
  return fail(ErrorCode::kLimitExceeded,
              "{} sounds of up to {} samples are more than {} together: use a smaller batch_size", sounds.size(),
              longest, kMaxSamples);
}

void normalize(std::span<float> values) {
  double sum = 0, squares = 0;
  for (const float value : values) sum += value;
  const double mean = sum / static_cast<double>(values.size());
  for (const float value : values) squares += (value - mean) * (value - mean);
  const double scale = 1 / std::sqrt(squares / static_cast<double>(values.size()) + 1e-7);
  for (float& value : values) value = static_cast<float>((value - mean) * scale);
}

}  // namespace

Result<Waveforms> normalized(const WaveformConfig& config, std::span<const Samples> sounds) {
  IA_ASSIGN(const std::size_t longest, check_sounds(config, sounds));
  const Shape shape{static_cast<std::int64_t>(sounds.size()), static_cast<std::int64_t>(longest)};
  Waveforms made{Tensor::f32(shape), std::nullopt};
  if (config.attention_mask) made.mask = Tensor::i32(shape);
  for (std::size_t i = 0; i < sounds.size(); ++i) {
    const std::span<float> row = made.values.f32s().subspan(i * longest, longest);
    const std::size_t length = sounds[i].values.size();
    std::ranges::fill(std::ranges::copy(sounds[i].values, row.begin()).out, row.end(), config.padding_value);
    if (config.normalize) normalize(config.attention_mask ? row.first(length) : row);
    if (made.mask) std::ranges::fill(made.mask->i32s().subspan(i * longest, length), 1);
  }
  return made;
}

}  // namespace ipfs_accelerate
