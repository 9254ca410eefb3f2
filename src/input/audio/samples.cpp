// Checks of sounds, and mixing their channels.
#include "input/audio/samples.h"

#include <cmath>

namespace ipfs_accelerate {
namespace {

Result<> check_count(std::size_t count) {
  if (count == 0) return fail(ErrorCode::kInvalidArgument, "the sound has no samples: there is nothing to hear");
  if (count <= static_cast<std::size_t>(kMaxSamples)) return {};
  return fail(ErrorCode::kLimitExceeded, "the sound has {} samples; the limit is {}: cut it into parts", count,
              kMaxSamples);
}

Result<> check_finite_samples(std::span<const float> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) continue;
    return fail(ErrorCode::kInvalidArgument, "sample {} of the sound is {}; every sample must be a finite number", i,
                values[i]);
  }
  return {};
}

}  // namespace

Result<> check_samples(const Samples& sound) {
  if (sound.rate < 1 || sound.rate > kMaxSampleRate) {
    return fail(ErrorCode::kInvalidArgument, "the sound's rate is {}; it must be from 1 to {} samples a second",
                sound.rate, kMaxSampleRate);
  }
  IA_TRY(check_count(sound.values.size()));
  return check_finite_samples(sound.values);
}

Result<> check_samples(const Samples& sound, int model_rate) {
  IA_TRY(check_samples(sound));
  if (sound.rate == model_rate) return {};
  return fail(ErrorCode::kInvalidArgument,
              "the sound has {} samples a second, the model takes {}: resample the sound first", sound.rate,
              model_rate);
}

Result<Samples> mono(std::span<const float> interleaved, int channels, int rate) {
  if (channels < 1 || channels > kMaxChannels) {
    return fail(ErrorCode::kInvalidArgument, "the sound has {} channels; it must have 1 to {}", channels, kMaxChannels);
  }
  const auto step = static_cast<std::size_t>(channels);
  if (interleaved.size() % step != 0) {
    return fail(ErrorCode::kInvalidArgument, "{} samples are not the same number for each of {} channels",
                interleaved.size(), channels);
  }
  IA_TRY(check_count(interleaved.size() / step));  // before memory is taken
  IA_TRY(check_finite_samples(interleaved));
  Samples mixed{rate, std::vector<float>(interleaved.size() / step)};
  for (std::size_t i = 0; i < mixed.values.size(); ++i) {
    double sum = 0;
    for (const float value : interleaved.subspan(i * step, step)) sum += value;
    mixed.values[i] = static_cast<float>(sum / channels);
  }
  IA_TRY(check_samples(mixed));
  return mixed;
}

}  // namespace ipfs_accelerate
