// Tests of the table of formats, and of Q8_0.
#include "tensor/format.h"

#include <gtest/gtest.h>

#include <array>

namespace ipfs_accelerate {
namespace {

TEST(Format, CountsBytesByBlocks) {
  EXPECT_EQ(byte_count(Dtype::kF32, 5), 20);
  EXPECT_EQ(byte_count(Dtype::kBF16, 5), 10);
  EXPECT_EQ(byte_count(Dtype::kBool, 5), 5);
  EXPECT_EQ(byte_count(Dtype::kQ8_0, 0), 0);
  EXPECT_EQ(byte_count(Dtype::kQ8_0, 32), 34);
  EXPECT_EQ(byte_count(Dtype::kQ8_0, 33), 68);
}

TEST(Format, CountsBytesOfShapes) {
  EXPECT_EQ(byte_count(Dtype::kF64, Shape{}).value(), 8);
  EXPECT_EQ(byte_count(Dtype::kF16, Shape{3, 5}).value(), 30);
  EXPECT_EQ(byte_count(Dtype::kF16, Shape{3, 0}).value(), 0);
  EXPECT_EQ(byte_count(Dtype::kQ8_0, Shape{3, 64}).value(), 3 * 2 * 34);
  const auto split = byte_count(Dtype::kQ8_0, Shape{64, 3});
  ASSERT_FALSE(split);
  EXPECT_EQ(split.error().code, ErrorCode::kWrongShape);
  EXPECT_NE(split.error().message.find("rows of 3"), std::string::npos) << split.error().message;
  EXPECT_EQ(byte_count(Dtype::kI8, Shape{-1}).error().code, ErrorCode::kLimitExceeded);
}

TEST(Format, QuantizedFormatsAreNoDtypesOfFiles) {
  const auto quantized = dtype_from_name("Q8_0");
  ASSERT_FALSE(quantized);
  EXPECT_EQ(quantized.error().code, ErrorCode::kUnsupportedDtype);
  EXPECT_NE(quantized.error().message.find("F32, F16, BF16, F64, I64, I32, I16, I8, U8 and BOOL"), std::string::npos)
      << quantized.error().message;
  EXPECT_EQ(widening_formats(), "F32, F16, BF16, F64 and Q8_0");
}

/// A block of scale 0.5 whose values are -16, -15.5 ... -0.5, with the extremes at its ends.
std::array<std::uint8_t, 34> block() {
  std::array<std::uint8_t, 34> bytes{0x00, 0x38};  // f16 0.5
  for (int i = 0; i < 32; ++i) bytes[2 + static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(i - 32);
  bytes[2] = 0x80;
  bytes[33] = 0x7f;
  return bytes;
}

TEST(Format, WidensQ80) {
  const auto bytes = block();
  std::array<float, 32> values{};
  ASSERT_TRUE(widen_to_f32(Dtype::kQ8_0, bytes, values));
  EXPECT_EQ(values[0], -64.0f);
  EXPECT_EQ(values[1], -15.5f);
  EXPECT_EQ(values[30], -1.0f);
  EXPECT_EQ(values[31], 63.5f);
  EXPECT_FALSE(widen_to_f32(Dtype::kQ8_0, bytes, std::span(values).first(31)));
  EXPECT_FALSE(widen_to_f32(Dtype::kQ8_0, ByteView(bytes).first(33), values));
}

TEST(Format, FindsScalesThatAreNotFinite) {
  std::array<std::uint8_t, 68> bytes{};
  EXPECT_TRUE(check_finite("w", Dtype::kQ8_0, bytes));
  bytes[35] = 0x7c;  // infinity
  const auto found = check_finite("w", Dtype::kQ8_0, bytes);
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message.find("element 32 of 64"), std::string::npos) << found.error().message;
}

TEST(Format, BlocksCannotBeTransposed) {
  const Bytes bytes(34 * 2);
  EXPECT_EQ(transposed(Dtype::kQ8_0, bytes, 2, 32).error().code, ErrorCode::kUnsupportedDtype);
  EXPECT_EQ(transposed(Dtype::kF16, bytes, 2, 32).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(transposed(Dtype::kF16, bytes, 2, 17)->size(), bytes.size());
}

}  // namespace
}  // namespace ipfs_accelerate
