// Normalized waveforms: with and without a mask, padded, and at their edges. Recorded ones are compared in
// tests/sounds.
#include "input/audio/normalized.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace ipfs_accelerate {
namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::HasSubstr;

const Samples kLong{16000, {1, 3, 1, 3}}, kShort{16000, {4, 6}};
auto near(float value) { return FloatNear(value, 1e-5f); }

Waveforms made(const WaveformConfig& config, const std::vector<Samples>& sounds) {
  auto waveforms = normalized(config, sounds);
  EXPECT_TRUE(waveforms) << waveforms.error().message;
  return waveforms ? *std::move(waveforms) : Waveforms();
}

TEST(Normalized, WithAMaskASoundIsItself) {
  const Waveforms two = made({.attention_mask = true, .padding_value = -7}, {kLong, kShort});
  EXPECT_EQ(two.values.shape, (Shape{2, 4}));
  EXPECT_THAT(two.values.f32s(), ElementsAre(near(-1), near(1), near(-1), near(1), near(-1), near(1), -7, -7));
  ASSERT_TRUE(two.mask);
  EXPECT_EQ(two.mask->shape, (Shape{2, 4}));
  EXPECT_THAT(two.mask->i32s(), ElementsAre(1, 1, 1, 1, 1, 1, 0, 0));
}

TEST(Normalized, WithoutOnePaddingCounts) {
  const Waveforms two = made({}, {kShort, kLong});  // 4, 6, 0, 0: mean 2.5, variance 6.75
  EXPECT_FALSE(two.mask);
  const float scale = 1 / std::sqrt(6.75f);
  EXPECT_THAT(two.values.f32s(), ElementsAre(near(1.5f * scale), near(3.5f * scale), near(-2.5f * scale),
                                             near(-2.5f * scale), near(-1), near(1), near(-1), near(1)));
  EXPECT_THAT(made({}, {kShort}).values.f32s(), ElementsAre(near(-1), near(1)));
}

TEST(Normalized, CanBeLeftOut) {
  const Waveforms two = made({.normalize = false, .padding_value = 0.5f}, {kShort, kLong});
  EXPECT_THAT(two.values.f32s(), ElementsAre(4, 6, 0.5f, 0.5f, 1, 3, 1, 3));
}

TEST(Normalized, EvenAndLoudSoundsAreFinite) {
  EXPECT_THAT(made({}, {{16000, {5, 5, 5}}}).values.f32s(), ElementsAre(0, 0, 0));
  EXPECT_THAT(made({}, {{16000, {-7}}}).values.f32s(), ElementsAre(0));
  EXPECT_THAT(made({}, {{16000, {-3e38f, 3e38f}}}).values.f32s(), ElementsAre(near(-1), near(1)));
}

TEST(Normalized, WhatCannotBePreparedIsNamed) {
  const auto refused = [](const std::vector<Samples>& sounds) { return normalized({}, sounds).error(); };
  EXPECT_EQ(refused({}).code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused({kLong, {8000, {1}}}).message, HasSubstr("sound 1: the sound has 8000 samples a second"));
  EXPECT_THAT(refused({{16000, {}}, kLong}).message, HasSubstr("sound 0: the sound has no samples"));
  EXPECT_EQ(refused({kLong, {16000, {1, NAN}}}).code, ErrorCode::kInvalidArgument);
  // A long sound would pad every other to its length.
  std::vector<Samples> many(1000, kShort);
  many[3].values.resize(70'000);
  EXPECT_EQ(refused(many).code, ErrorCode::kLimitExceeded);
  EXPECT_THAT(refused(many).message, HasSubstr("1000 sounds of up to 70000 samples"));
}

}  // namespace
}  // namespace ipfs_accelerate
