// Tests of stored tensors that lie otherwise than the graph wants them.
#include "backend/arrange_part.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

namespace ipfs_accelerate {
namespace {

template <class T>
std::vector<T> numbers_of(ByteView bytes) {
  std::vector<T> numbers(bytes.size() / sizeof(T));
  std::memcpy(numbers.data(), bytes.data(), numbers.size() * sizeof(T));
  return numbers;
}
template <class T>
ByteView bytes_of(const std::vector<T>& numbers) {
  return {reinterpret_cast<const std::uint8_t*>(numbers.data()), numbers.size() * sizeof(T)};
}

TEST(ArrangePart, WhatLiesAsInTheGraphStaysWhereItIs) {
  const std::vector<float> stored{1, 2, 3, 4};
  WeightPart part{Dtype::kF32, {2, 2}, bytes_of(stored)};
  const auto kept = arrange_part({"w", {"w"}, {2, 2}}, part);
  ASSERT_TRUE(kept);
  EXPECT_TRUE(kept->empty());
  EXPECT_EQ(part.bytes.data(), bytes_of(stored).data());
}

TEST(ArrangePart, AKernelBecomesAMatrixAndAVectorALine) {
  const std::vector<float> stored(48);
  WeightPart kernel{Dtype::kF32, {4, 3, 2, 2}, bytes_of(stored)};
  ASSERT_TRUE(arrange_part({"w", {"w"}, {4, 12}, Stored::kReshaped}, kernel));
  EXPECT_EQ(kernel.shape, (Shape{4, 12}));
  WeightPart token{Dtype::kF32, {1, 1, 48}, bytes_of(stored)};
  ASSERT_TRUE(arrange_part({"w", {"w", "v"}, {2, 48}, Stored::kReshaped}, token));  // one of two that are stacked
  EXPECT_EQ(token.shape, (Shape{1, 48}));
  EXPECT_EQ(token.bytes.data(), bytes_of(stored).data());
}

template <class T>
void expect_turned(Dtype dtype) {
  const std::int64_t rows = 37, columns = 70;  // more than a block, and no multiple of it
  std::vector<T> stored(static_cast<std::size_t>(rows * columns));
  for (std::size_t i = 0; i < stored.size(); ++i) stored[i] = static_cast<T>(i);
  WeightPart part{dtype, {rows, columns}, bytes_of(stored)};
  const auto kept = arrange_part({"w", {"w"}, {columns, rows}, Stored::kTransposed}, part);
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_EQ(part.shape, (Shape{columns, rows}));
  EXPECT_EQ(part.bytes.data(), kept->data());
  const std::vector<T> turned = numbers_of<T>(part.bytes);
  for (std::size_t r = 0; r < 37; ++r) {
    for (std::size_t c = 0; c < 70; ++c) ASSERT_EQ(turned[c * 37 + r], stored[r * 70 + c]) << r << " " << c;
  }
}

TEST(ArrangePart, TransposesElementsOfEverySize) {
  expect_turned<std::uint8_t>(Dtype::kI8);
  expect_turned<std::uint16_t>(Dtype::kF16);
  expect_turned<float>(Dtype::kF32);
  expect_turned<double>(Dtype::kF64);
}

TEST(ArrangePart, PartsOfATransposedStackBecomeItsRows) {
  const std::vector<float> stored{1, 2, 3, 4, 5, 6};
  WeightPart part{Dtype::kF32, {3, 2}, bytes_of(stored)};
  const auto kept = arrange_part({"q+k", {"q", "k"}, {4, 3}, Stored::kTransposed}, part);
  ASSERT_TRUE(kept);
  EXPECT_EQ(part.shape, (Shape{2, 3}));
  EXPECT_EQ(numbers_of<float>(part.bytes), (std::vector<float>{1, 3, 5, 2, 4, 6}));
}

TEST(ArrangePart, WhatCannotFitIsAnError) {
  const std::vector<float> stored(6);
  const auto code = [&](const Weight& weight, Shape shape) {
    WeightPart part{Dtype::kF32, std::move(shape), bytes_of(stored)};
    const auto arranged = arrange_part(weight, part);
    return arranged ? ErrorCode{} : arranged.error().code;
  };
  EXPECT_EQ(code({"w", {"w"}, {3, 4}, Stored::kReshaped}, {3, 2}), ErrorCode::kWrongShape);
  EXPECT_EQ(code({"w", {"w"}, {3, 0}, Stored::kReshaped}, {3, 2}), ErrorCode::kWrongShape);
  EXPECT_EQ(code({"w", {"w"}, {}, Stored::kReshaped}, {3, 2}), ErrorCode::kWrongShape);
  EXPECT_EQ(code({"w", {"w"}, {3, 2}, Stored::kTransposed}, {3, 2}), ErrorCode::kWrongShape);
  EXPECT_EQ(code({"w", {"w"}, {6}, Stored::kTransposed}, {6}), ErrorCode::kWrongShape);
  EXPECT_EQ(code({"w", {"w"}, {3, 7}, Stored::kTransposed}, {7, 3}), ErrorCode::kInvalidArgument);  // too few bytes
}

}  // namespace
}  // namespace ipfs_accelerate
