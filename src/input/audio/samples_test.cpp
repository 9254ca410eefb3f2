// Which sounds are refused, and what becomes of their channels.
#include "input/audio/samples.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace ipfs_accelerate {
namespace {

using testing::HasSubstr;

void expect_refused(const auto& result, ErrorCode code, const std::string& said) {
  ASSERT_FALSE(result) << said;
  EXPECT_EQ(result.error().code, code) << result.error().message;
  EXPECT_THAT(result.error().message, HasSubstr(said));
}

TEST(Samples, HaveLimits) {
  EXPECT_TRUE(check_samples({16000, {0}}));
  EXPECT_TRUE(check_samples({kMaxSampleRate, {-1, std::numeric_limits<float>::max()}}));
  expect_refused(check_samples({16000, {}}), ErrorCode::kInvalidArgument, "no samples");
  for (const int rate : {0, -1, kMaxSampleRate + 1, std::numeric_limits<int>::min()}) {
    expect_refused(check_samples({rate, {0}}), ErrorCode::kInvalidArgument, std::format("rate is {}", rate));
  }
  const Samples long_one{16000, std::vector<float>(static_cast<std::size_t>(kMaxSamples) + 1)};
  expect_refused(check_samples(long_one), ErrorCode::kLimitExceeded, "67108865 samples; the limit is 67108864");
}

TEST(Samples, MustBeFinite) {
  expect_refused(check_samples({16000, {0, 0, NAN}}), ErrorCode::kInvalidArgument, "sample 2 of the sound is nan");
  expect_refused(check_samples({16000, {-INFINITY, 0}}), ErrorCode::kInvalidArgument, "sample 0 of the sound is -inf");
}

TEST(Samples, MustHaveTheModelsRate) {
  EXPECT_TRUE(check_samples({16000, {0}}, 16000));
  expect_refused(check_samples({44100, {0}}, 16000), ErrorCode::kInvalidArgument,
                 "44100 samples a second, the model takes 16000");
  expect_refused(check_samples({16000, {}}, 16000), ErrorCode::kInvalidArgument, "no samples");
}

TEST(Mono, IsTheMeanOfTheChannels) {
  const std::vector<float> interleaved{1, 3, -1, 1, 0.5, 0};
  const auto stereo = mono(interleaved, 2, 8000);
  ASSERT_TRUE(stereo);
  EXPECT_EQ(stereo->rate, 8000);
  EXPECT_EQ(stereo->values, (std::vector<float>{2, 0, 0.25}));
  EXPECT_EQ(mono(interleaved, 1, 8000)->values, interleaved);
  EXPECT_EQ(mono(interleaved, 6, 8000)->values, std::vector<float>{0.75});
  const float loud = std::numeric_limits<float>::max();
  EXPECT_EQ(mono(std::vector{loud, loud}, 2, 8000)->values, std::vector<float>{loud});  // no infinity on the way
}

TEST(Mono, WhatIsNoSoundIsRefused) {
  const std::vector<float> six(6);
  for (const int channels : {0, -2, kMaxChannels + 1}) {
    expect_refused(mono(six, channels, 8000), ErrorCode::kInvalidArgument, std::format("{} channels", channels));
  }
  expect_refused(mono(six, 4, 8000), ErrorCode::kInvalidArgument, "6 samples are not the same number");
  expect_refused(mono({}, 2, 8000), ErrorCode::kInvalidArgument, "no samples");
  expect_refused(mono(six, 2, 0), ErrorCode::kInvalidArgument, "rate is 0");
  const std::vector<float> opposite{INFINITY, -INFINITY};
  expect_refused(mono(opposite, 2, 8000), ErrorCode::kInvalidArgument, "sample 0 of the sound is inf");
}

}  // namespace
}  // namespace ipfs_accelerate
