// Tests of the reference interpreter against numbers worked out by hand.
#include "golden/reference.h"

#include <gtest/gtest.h>

#include <cmath>

#include "graph/test_symbols.h"

namespace ipfs_accelerate {
namespace {

Tensor floats(Shape shape, std::vector<float> values) {
  Tensor tensor = Tensor::f32(std::move(shape));
  std::ranges::copy(values, tensor.f32s().begin());
  return tensor;
}
Tensor ints(Shape shape, std::vector<std::int32_t> values) {
  Tensor tensor = Tensor::i32(std::move(shape));
  std::ranges::copy(values, tensor.i32s().begin());
  return tensor;
}
void expect_near(const Tensor& tensor, std::vector<float> expected) {
  ASSERT_EQ(tensor.f32s().size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(tensor.f32s()[i], expected[i], 1e-6) << i;
}

TEST(Reference, AttentionWithoutAttendedKeysIsTheMeanOfV) {
  TestBuilder b;
  const ValueId qkv = b.input("qkv", Dtype::kF32, {kBatchDim, kSequenceDim, dim(3)});
  const ValueId mask = b.input("mask", Dtype::kI32, {kBatchDim, kSequenceDim});
  b.output(b.add("a", masked_attention(qkv, mask, 1, 1)), "y");
  auto graph = b.finish();
  ASSERT_TRUE(graph);
  const ShapeClass shape = usual_shape(2, 2);
  auto y = run_reference(
      *graph, shape, {},
      {floats({2, 2, 3}, {1, 0, 10, 1, std::log(3.0f), 20, 1, 5, 10, 1, 7, 20}), ints({2, 2}, {1, 1, 0, 0})});
  ASSERT_TRUE(y) << y.error().message;
  expect_near((*y)[0], {17.5f, 17.5f, 15, 15});  // softmax(0, ln 3) = 1/4, 3/4
}

TEST(Reference, EmbedLinearNormPool) {
  TestBuilder b;
  const std::vector<Dim> tokens{kBatchDim, kSequenceDim};
  const ValueId ids = b.input("ids", Dtype::kI32, tokens), mask = b.input("mask", Dtype::kI32, tokens);
  const ValueId x = b.add("x", op::Embed{.ids = ids, .word = b.weight("word", {3, 2})});
  const ValueId y = b.add("y", op::Linear{.x = x,
                                          .residual = x,
                                          .weight = b.weight("w", {2, 2}),
                                          .bias = b.weight("bias", {2}),
                                          .activation = Activation::kRelu});
  b.output(b.add("norm", op::LayerNorm{.x = y, .gamma = b.weight("g", {2}), .epsilon = 0}), "norm");
  b.output(b.add("mean", op::Pool{.x = y, .mask = mask}), "mean");
  b.output(b.add("max", op::Pool{.x = y, .mask = mask, .mode = PoolMode::kMax}), "max");
  b.output(b.add("last", op::Pool{.x = y, .mask = mask, .mode = PoolMode::kLastToken}), "last");
  auto graph = b.finish();
  ASSERT_TRUE(graph) << graph.error().message;
  const std::vector<Tensor> weights{floats({3, 2}, {1, 2, 3, 5, 100, 100}), floats({2, 2}, {1, 0, 0, -1}),
                                    floats({2}, {0.5f, 0}), floats({2}, {1, 2})};
  const ShapeClass shape = usual_shape(1, 3);
  auto out = run_reference(*graph, shape, weights, {ints({1, 3}, {0, 1, 2}), ints({1, 3}, {1, 1, 0})});
  ASSERT_TRUE(out) << out.error().message;
  // y rows: (1.5 + 1, 0 + 2), (3.5 + 3, 0 + 5), masked
  expect_near((*out)[0], {1, -2, 1, -2, 1, -2});
  expect_near((*out)[1], {4.5f, 3.5f});
  expect_near((*out)[2], {6.5f, 5});
  expect_near((*out)[3], {6.5f, 5});
  EXPECT_EQ(run_reference(*graph, shape, weights, {ints({1, 3}, {0, 1, 3}), ints({1, 3}, {1, 1, 0})}).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(run_reference(*graph, shape, weights, {ints({1, 2}, {0, 1}), ints({1, 3}, {1, 1, 0})}).error().code,
            ErrorCode::kWrongShape);
}

TEST(Reference, PatchesAndPositions) {
  GraphBuilder b;
  const Dim batch = b.symbol(batch_symbol()), height = b.symbol(height_symbol()), width = b.symbol(width_symbol());
  const ValueId pixels = b.input("pixels", Dtype::kF32, {batch, dim(1), height, width});
  const op::Patches patches = patches_of(b, pixels, 2);
  const ValueId x = b.add("patches", patches);
  const ValueId y = b.add("y", op::VisionEmbed{.x = x,
                                               .prefix = b.weight("class", {1, 4}),
                                               .position = b.weight("position", {5, 4}),
                                               .rows = patches.rows,
                                               .columns = patches.columns,
                                               .tokens = tokens_of(b, patches.count, 1)});
  b.output(y, "tokens_out");
  b.output(x, "pieces");
  const auto graph = b.finish();
  ASSERT_TRUE(graph) << graph.error().message;
  Tensor position = Tensor::f32({5, 4});
  for (std::size_t row = 1; row < 5; ++row) position.f32s()[row * 4] = row < 3 ? 10 : 20;  // grid rows 10, 20
  position.f32s()[0] = 7;
  const ShapeClass shape{{kBatch, 1}, {kHeight, 2}, {kWidth, 5}};  // one row of two patches; the last column is left
  auto out = run_reference(*graph, shape, {floats({1, 4}, {1, 2, 3, 4}), position},
                           {floats({1, 1, 2, 5}, {1, 2, 3, 4, 9, 5, 6, 7, 8, 9})});
  ASSERT_TRUE(out) << out.error().message;
  expect_near((*out)[1], {1, 2, 5, 6, 3, 4, 7, 8});
  expect_near((*out)[0], {8, 2, 3, 4, 16, 2, 5, 6, 18, 4, 7, 8});  // halfway between 10 and 20
}

}  // namespace
}  // namespace ipfs_accelerate
