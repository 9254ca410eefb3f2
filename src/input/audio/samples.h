// Samples: what a decoded sound must be before anything reads it, and channels made into one.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "ipfs_accelerate/content.h"

namespace ipfs_accelerate {

constexpr int kMaxSampleRate = 768'000;                      ///< samples a second
constexpr std::int64_t kMaxSamples = std::int64_t{1} << 26;  ///< of one sound: 70 minutes at 16,000 a second
constexpr int kMaxChannels = 64;

/// kInvalidArgument for no samples, a rate outside 1 to kMaxSampleRate, a NaN or infinity (its place is named);
/// kLimitExceeded for too many.
Result<> check_samples(const Samples& sound);
/// The same, and kInvalidArgument when the rate is not the model's: nothing is resampled here.
Result<> check_samples(const Samples& sound, int model_rate);

/// The mean of the channels, which lie sample by sample ("left, right, left, right"). kInvalidArgument,
/// kLimitExceeded.
Result<Samples> mono(std::span<const float> interleaved, int channels, int rate);

}  // namespace ipfs_accelerate
