// Tests of grouping, shape buckets, padding and cropping.
#include "engine/batching.h"

#include <gtest/gtest.h>

#include <set>

namespace ipfs_accelerate {
namespace {

std::vector<Input> texts(std::initializer_list<std::size_t> lengths) {
  std::vector<Input> inputs;
  for (const std::size_t length : lengths) inputs.push_back({std::string(length, 'x'), {}});
  return inputs;
}

TEST(LengthSortedBatches, PutLongTextsTogetherAndLoseNone) {
  const auto batches = length_sorted_batches(texts({1, 90, 2, 80, 3}), 2);
  ASSERT_EQ(batches.size(), 3u);
  EXPECT_EQ(batches[0], (std::vector<std::size_t>{1, 3}));
  EXPECT_EQ(batches[1], (std::vector<std::size_t>{4, 2}));
  EXPECT_EQ(batches[2], (std::vector<std::size_t>{0}));
  EXPECT_TRUE(length_sorted_batches({}, 4).empty());
}

TEST(LengthSortedBatches, KeepTheOrderOfOneBatch) {
  EXPECT_EQ(length_sorted_batches(texts({1, 9, 5}), 8), (std::vector<std::vector<std::size_t>>{{0, 1, 2}}));
}

TEST(ShapeBucket, RoundsUpToFewShapesAndNeverBeyondTheModel) {
  EXPECT_EQ(shape_bucket({1, 5, 1}, 512), (ShapeClass{1, 8, 1}));
  EXPECT_EQ(shape_bucket({5, 64, 3}, 512), (ShapeClass{6, 64, 3}));
  EXPECT_EQ(shape_bucket({9, 65, 7}, 512), (ShapeClass{12, 80, 8}));
  EXPECT_EQ(shape_bucket({1, 300, 1}, 512), (ShapeClass{1, 320, 1}));
  EXPECT_EQ(shape_bucket({1, 30, 1}, 30), (ShapeClass{1, 30, 1}));
  std::set<std::int64_t> sequences;
  for (std::int64_t length = 1; length <= 512; ++length) {
    const ShapeClass bucket = shape_bucket({length, length, length}, 512);
    EXPECT_GE(bucket.sequence, length);
    EXPECT_GE(bucket.batch, length);
    EXPECT_LE(bucket.batch, length * 3 / 2);
    sequences.insert(bucket.sequence);
  }
  EXPECT_LE(sequences.size(), 24u);
}

Batch small_batch() {
  Batch batch;
  batch.shape = {2, 3, 2};
  batch.input_names = {"input_ids", "attention_mask", "rows"};
  batch.inputs = {Tensor::i32({2, 3}), Tensor::i32({2, 3}), Tensor::i32({2})};
  const std::int32_t ids[] = {1, 2, 3, 4, 5, 6}, rows[] = {1, 5};
  std::ranges::copy(ids, batch.inputs[0].i32s().begin());
  std::ranges::fill(batch.inputs[1].i32s(), 1);
  std::ranges::copy(rows, batch.inputs[2].i32s().begin());
  return batch;
}

TEST(PadBatch, FillsTokensMasksThemAndMovesRows) {
  Batch batch = small_batch();
  ModelFacts facts;
  facts.pad_id = 9;
  ASSERT_TRUE(pad_batch(batch, {3, 4, 3}, facts));
  const std::vector<std::int32_t> ids(batch.inputs[0].i32s().begin(), batch.inputs[0].i32s().end());
  const std::vector<std::int32_t> mask(batch.inputs[1].i32s().begin(), batch.inputs[1].i32s().end());
  const std::vector<std::int32_t> rows(batch.inputs[2].i32s().begin(), batch.inputs[2].i32s().end());
  EXPECT_EQ(ids, (std::vector<std::int32_t>{1, 2, 3, 9, 4, 5, 6, 9, 9, 9, 9, 9}));
  EXPECT_EQ(mask, (std::vector<std::int32_t>{1, 1, 1, 0, 1, 1, 1, 0, 1, 0, 0, 0}));
  EXPECT_EQ(rows, (std::vector<std::int32_t>{1, 6, 0}));
  EXPECT_EQ(batch.shape, (ShapeClass{3, 4, 3}));
}

TEST(PadBatch, RefusesATensorThatIsNotTheBatchs) {
  Batch batch = small_batch();
  batch.inputs[0] = Tensor::i32({1, 3});
  const auto result = pad_batch(batch, {2, 8, 2}, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kInternal);
}

TEST(CropOutput, KeepsWhatIsReal) {
  Tensor output = Tensor::f32({2, 3, 2});
  for (int i = 0; i < 12; ++i) output.f32s()[i] = static_cast<float>(i);
  const auto cropped = crop_output(output, {kBatchDim, kSequenceDim, dim(2)}, {2, 3, 1}, {2, 2, 1});
  ASSERT_TRUE(cropped);
  EXPECT_EQ(cropped->shape, (Shape{2, 2, 2}));
  EXPECT_EQ(std::vector<float>(cropped->f32s().begin(), cropped->f32s().end()),
            (std::vector<float>{0, 1, 2, 3, 6, 7, 8, 9}));
}

}  // namespace
}  // namespace ipfs_accelerate
