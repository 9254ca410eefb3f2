// Log-mel spectrograms against plain sums, and at their edges. Recorded ones are compared in tests/sounds.
#include "input/audio/log_mel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace ipfs_accelerate {
namespace {

/// 200 samples a sound: 11 frames, so that the last are fewer than are computed side by side.
constexpr LogMelConfig kSmall{.bins = 4, .rate = 200, .hop = 18, .transform = 16, .seconds = 1};

Samples wave(int rate, std::size_t count) {
  Samples sound{rate, {}};
  for (std::size_t i = 0; i < count; ++i) {
    const auto t = static_cast<float>(i);
    sound.values.push_back(std::sin(0.3f * t) + 0.25f * std::sin(1.1f * t + 2) + 0.1f);
  }
  return sound;
}

/// The power of frequency k in a frame, summed as the definition says.
double plain_power(const std::vector<float>& samples, const LogMelConfig& config, std::int64_t frame, int k) {
  const auto count = static_cast<std::int64_t>(samples.size());
  double real = 0, imaginary = 0;
  for (int i = 0; i < config.transform; ++i) {
    std::int64_t at = std::abs(frame * config.hop - config.transform / 2 + i);
    if (at >= count) at = 2 * count - 2 - at;
    const double angle = 2 * std::numbers::pi * i / config.transform;
    const double value = samples[static_cast<std::size_t>(at)] * 0.5 * (1 - std::cos(angle));
    real += value * std::cos(k * angle);
    imaginary -= value * std::sin(k * angle);
  }
  return real * real + imaginary * imaginary;
}

std::vector<float> plain_features(std::vector<float> samples, const LogMelConfig& config) {
  samples.resize(static_cast<std::size_t>(config.samples()), config.padding_value);
  std::vector<float> made;
  for (const MelBand& band : mel_bands(config)) {
    for (std::int64_t frame = 0; frame < config.frames(); ++frame) {
      double heard = 0;
      for (std::size_t i = 0; i < band.weights.size(); ++i) {
        heard += band.weights[i] * plain_power(samples, config, frame, static_cast<int>(band.first + i));
      }
      made.push_back(static_cast<float>(std::log10(std::max(heard, 1e-10))));
    }
  }
  const float floor = *std::ranges::max_element(made) - 8;
  for (float& value : made) value = (std::max(value, floor) + 4) / 4;
  return made;
}

void expect_plain(const Samples& sound, const LogMelConfig& config) {
  const auto made = LogMel::make(config)->features(sound);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->shape, (Shape{config.bins, config.frames()}));
  EXPECT_THAT(made->f32s(), testing::Pointwise(testing::FloatNear(1e-5f), plain_features(sound.values, config)));
}

TEST(LogMel, IsWhatItsDefinitionSays) {
  expect_plain(wave(200, 200), kSmall);
  expect_plain(wave(200, 150), kSmall);  // padded
  expect_plain(wave(200, 1), kSmall);
  expect_plain(wave(200, 400), kSmall);  // cut: plain_features() cuts too
  LogMelConfig loud = kSmall;
  loud.padding_value = -3;
  expect_plain(wave(200, 60), loud);
  loud.transform = 2;  // a frame of two samples, of which the window leaves one
  expect_plain(wave(200, 200), loud);
  loud.transform = 398;  // a frame nearly twice as long as the sound
  expect_plain(wave(200, 200), loud);
  loud.hop = 200;  // one frame
  expect_plain(wave(200, 200), loud);
  expect_plain(wave(22050, 22050), {.bins = 20, .rate = 22050, .hop = 1000, .transform = 64, .seconds = 1});
}

TEST(LogMel, SilenceIsEven) {
  const auto made = LogMel::make({})->features({16000, {0}});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->shape, (Shape{80, 3000}));
  EXPECT_THAT(made->f32s(), testing::Each(-1.5f));
}

TEST(LogMel, LoudnessIsFinite) {
  const auto made = LogMel::make(kSmall)->features({200, std::vector<float>(200, 3e38f)});
  ASSERT_TRUE(made);
  for (const float value : made->f32s()) ASSERT_TRUE(std::isfinite(value));
}

TEST(LogMel, BinsWithoutAFrequencyAreSilent) {
  // At 200 samples a second there is nothing above 100 Hz, and most bands up to 8000 Hz hear nothing.
  const auto bands = mel_bands({.bins = 80, .rate = 200, .transform = 16, .seconds = 1});
  ASSERT_EQ(bands.size(), 80u);
  EXPECT_FALSE(bands[0].weights.empty());
  EXPECT_TRUE(bands[79].weights.empty());
}

TEST(LogMel, AnotherRateIsRefused) {
  const auto made = LogMel::make({})->features({8000, {0}});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(LogMel::make({})->features({16000, {}}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(LogMel::make({})->features({16000, {NAN}}).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace ipfs_accelerate
