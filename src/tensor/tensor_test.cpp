// Tests of dtypes, shapes and float conversions.
#include "tensor/tensor.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace ipfs_accelerate {
namespace {

TEST(Tensor, DtypeNamesRoundTrip) {
  for (int i = 0; i <= static_cast<int>(Dtype::kBool); ++i) {  // the plain ones
    const auto dtype = static_cast<Dtype>(i);
    auto back = dtype_from_name(dtype_name(dtype));
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, dtype);
  }
  EXPECT_EQ(dtype_from_name("F8_E4M3").error().code, ErrorCode::kUnsupportedDtype);
}

TEST(Tensor, ElementCountRefusesWhatDoesNotFit) {
  EXPECT_EQ(element_count({}).value(), 1);
  EXPECT_EQ(element_count({2, 3}).value(), 6);
  EXPECT_EQ(element_count({0, std::numeric_limits<std::int64_t>::max()}).error().code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(element_count({5, 0}).value(), 0);
  EXPECT_EQ(element_count({-1}).error().code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(element_count({1 << 20, 1 << 20, 1 << 20}).error().code, ErrorCode::kLimitExceeded);
}

TEST(Tensor, EveryHalfRoundTrips) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float value = f16_to_f32(half);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(f16_to_f32(f32_to_f16(value))));
    } else {
      EXPECT_EQ(f32_to_f16(value), half) << bits;
    }
  }
}

TEST(Tensor, HalfRoundsToNearestEven) {
  for (std::uint16_t half = 0; half < 0x7bff; ++half) {
    const float low = f16_to_f32(half), high = f16_to_f32(static_cast<std::uint16_t>(half + 1));
    const float middle = (low + high) / 2;  // exact in f32
    EXPECT_EQ(f32_to_f16(middle), half % 2 == 0 ? half : half + 1) << half;
    EXPECT_EQ(f32_to_f16(std::nextafter(middle, 1e9f)), half + 1) << half;
    EXPECT_EQ(f32_to_f16(std::nextafter(middle, -1e9f)), half) << half;
  }
  EXPECT_EQ(f32_to_f16(65519.996f), 0x7bff);
  EXPECT_EQ(f32_to_f16(65520.0f), 0x7c00);
  EXPECT_EQ(f32_to_f16(-1e30f), 0xfc00);
}

TEST(Tensor, WidensEachFloatFormat) {
  const std::uint16_t halves[] = {0x3c00, 0xc000};
  const std::uint16_t brains[] = {0x3f80, 0xc000};
  const double doubles[] = {1.0, -2.0};
  float out[2];
  auto bytes = [](const auto& array) { return ByteView(reinterpret_cast<const std::uint8_t*>(array), sizeof(array)); };
  for (auto [dtype, view] : {std::pair{Dtype::kF16, bytes(halves)}, std::pair{Dtype::kBF16, bytes(brains)},
                             std::pair{Dtype::kF64, bytes(doubles)}}) {
    ASSERT_TRUE(widen_to_f32(dtype, view, out));
    EXPECT_EQ(out[0], 1.0f);
    EXPECT_EQ(out[1], -2.0f);
  }
  EXPECT_EQ(widen_to_f32(Dtype::kI32, bytes(doubles).first(8), out).error().code, ErrorCode::kUnsupportedDtype);
  EXPECT_EQ(widen_to_f32(Dtype::kF32, bytes(halves), out).error().code, ErrorCode::kInternal);
}

TEST(Tensor, FindsWhatIsNotFinite) {
  std::vector<float> floats(10000, 1.0f);
  auto view = [&] { return ByteView(reinterpret_cast<const std::uint8_t*>(floats.data()), floats.size() * 4); };
  EXPECT_TRUE(check_finite("w", Dtype::kF32, view()));
  floats[9001] = std::numeric_limits<float>::quiet_NaN();
  auto result = check_finite("layer.weight", Dtype::kF32, view());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kNotFinite);
  EXPECT_NE(result.error().message.find("layer.weight"), std::string::npos);
  EXPECT_NE(result.error().message.find("9001"), std::string::npos);
  const std::uint16_t infinite_half[] = {0x0001, 0xfc00};
  EXPECT_FALSE(check_finite("w", Dtype::kF16, {reinterpret_cast<const std::uint8_t*>(infinite_half), 4}));
  EXPECT_TRUE(check_finite("w", Dtype::kI16, {reinterpret_cast<const std::uint8_t*>(infinite_half), 4}));
}

TEST(CheckFinite, FindsTheOneBadElementAnywhere) {
  std::vector<std::uint16_t> halves(10'001, 0x7bff);  // the largest f16
  const auto bytes = [&] { return ByteView(reinterpret_cast<const std::uint8_t*>(halves.data()), halves.size() * 2); };
  EXPECT_TRUE(check_finite("w", Dtype::kF16, bytes()));
  for (const std::size_t at : {0uz, 4095uz, 4096uz, 10'000uz}) {
    halves[at] = 0xfc00;  // -infinity
    EXPECT_FALSE(check_finite("w", Dtype::kF16, bytes())) << at;
    halves[at] = 0x3c00;
  }
  EXPECT_TRUE(check_finite("w", Dtype::kBF16, bytes()));
  halves[5] = 0x7f81;
  EXPECT_FALSE(check_finite("w", Dtype::kBF16, bytes()));
  EXPECT_TRUE(check_finite("w", Dtype::kI64, bytes()));
}

}  // namespace
}  // namespace ipfs_accelerate
