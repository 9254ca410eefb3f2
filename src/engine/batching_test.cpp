// Tests of grouping, shape buckets, padding and cropping.
#include "engine/batching.h"

#include <gtest/gtest.h>

#include <set>

#include "graph/test_symbols.h"

namespace ipfs_accelerate {
namespace {

std::vector<Content> texts(std::initializer_list<std::size_t> lengths) {
  std::vector<Content> inputs;
  for (const std::size_t length : lengths) inputs.push_back(Text{std::string(length, 'x')});
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

/// A graph with the inputs of a masked language model.
Graph masked_graph(std::int64_t limit = 512) {
  GraphBuilder b;
  const Dim batch = b.symbol(batch_symbol()), sequence = b.symbol(sequence_symbol(limit));
  const ValueId ids = b.input("input_ids", Dtype::kI32, {batch, sequence}, {.filler = 9});
  b.input("attention_mask", Dtype::kI32, {batch, sequence}, {.first = 1});
  const ValueId rows = b.input("rows", Dtype::kI32, {b.symbol(rows_symbol())}, {.places_in = {batch, sequence}});
  const ValueId x = b.add("embed", op::Embed{.ids = ids, .word = b.weight("word", {10, 2})});
  b.output(b.add("picked", op::SelectRows{.x = x, .rows = rows}), "y");
  return *b.finish();
}

TEST(ShapeBucket, RoundsUpToFewShapesAndNeverBeyondTheModel) {
  const Graph graph = masked_graph();
  EXPECT_EQ(shape_bucket(graph, usual_shape(1, 5, 1)), usual_shape(1, 8, 1));
  EXPECT_EQ(shape_bucket(graph, usual_shape(5, 64, 3)), usual_shape(6, 64, 3));
  EXPECT_EQ(shape_bucket(graph, usual_shape(9, 65, 7)), usual_shape(12, 80, 8));
  EXPECT_EQ(shape_bucket(graph, usual_shape(1, 300, 1)), usual_shape(1, 320, 1));
  EXPECT_EQ(shape_bucket(masked_graph(30), usual_shape(1, 30, 1)), usual_shape(1, 30, 1));
  std::set<std::int64_t> sequences;
  for (std::int64_t length = 1; length <= 512; ++length) {
    const ShapeClass bucket = shape_bucket(graph, usual_shape(length, length, length));
    EXPECT_GE(bucket.at(kSequence), length);
    EXPECT_GE(bucket.at(kBatch), length);
    EXPECT_LE(bucket.at(kBatch), length * 3 / 2);
    sequences.insert(bucket.at(kSequence));
  }
  EXPECT_LE(sequences.size(), 24u);
}

TEST(ShapeBucket, LeavesExactNumbersAndWhatFollowsFromOthers) {
  GraphBuilder b;
  const Dim batch = b.symbol(batch_symbol()), height = b.symbol(height_symbol());
  const Dim rows = b.symbol({.name = "patch_rows", .formula = {{{height, 0, 8}}}});
  b.output(b.add("y", op::Normalize{.x = b.input("x", Dtype::kF32, {batch, rows, dim(2)})}), "out");
  const ShapeClass bucket = shape_bucket(*b.finish(), {{kBatch, 5}, {kHeight, 37}});
  EXPECT_EQ(bucket, (ShapeClass{{kBatch, 6}, {kHeight, 37}}));
}

Batch small_batch() {
  Batch batch;
  batch.shape = usual_shape(2, 3, 2);
  batch.inputs = {
      {"input_ids", Tensor::i32({2, 3})}, {"attention_mask", Tensor::i32({2, 3})}, {"rows", Tensor::i32({2})}};
  const std::int32_t ids[] = {1, 2, 3, 4, 5, 6}, rows[] = {1, 5};
  std::ranges::copy(ids, batch.inputs[0].second.i32s().begin());
  std::ranges::fill(batch.inputs[1].second.i32s(), 1);
  std::ranges::copy(rows, batch.inputs[2].second.i32s().begin());
  return batch;
}

TEST(PadBatch, FillsTokensMasksThemAndMovesRows) {
  Batch batch = small_batch();
  ASSERT_TRUE(pad_batch(batch, masked_graph(), usual_shape(3, 4, 3)));
  const std::vector<std::int32_t> ids(batch.inputs[0].second.i32s().begin(), batch.inputs[0].second.i32s().end());
  const std::vector<std::int32_t> mask(batch.inputs[1].second.i32s().begin(), batch.inputs[1].second.i32s().end());
  const std::vector<std::int32_t> rows(batch.inputs[2].second.i32s().begin(), batch.inputs[2].second.i32s().end());
  EXPECT_EQ(ids, (std::vector<std::int32_t>{1, 2, 3, 9, 4, 5, 6, 9, 9, 9, 9, 9}));
  EXPECT_EQ(mask, (std::vector<std::int32_t>{1, 1, 1, 0, 1, 1, 1, 0, 1, 0, 0, 0}));
  EXPECT_EQ(rows, (std::vector<std::int32_t>{1, 6, 0}));
  EXPECT_EQ(batch.shape, usual_shape(3, 4, 3));
}

TEST(PadBatch, RefusesATensorThatIsNotTheBatchs) {
  Batch batch = small_batch();
  batch.inputs[0].second = Tensor::i32({1, 3});
  const auto result = pad_batch(batch, masked_graph(), usual_shape(2, 8, 2));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kInternal);
}

std::vector<NamedTensor> named(Batch batch) { return std::move(batch.inputs); }

std::vector<std::string> names_of(const Batch& batch) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : batch.inputs) names.push_back(name);
  return names;
}

TEST(FitBatch, RowsAreFilledAsTheGraphSays) {
  Batch batch{usual_shape(2, 3, 1)};
  batch.add("input_ids", Rows{{1, 2, 3}, {4}});
  batch.add("attention_mask", Rows{{1, 1, 1}, {1}});
  batch.add("rows", Tensor::i32({1}));
  auto fitted = fit_batch(masked_graph(), batch);
  ASSERT_TRUE(fitted) << fitted.error().message;
  EXPECT_EQ(names_of(*fitted), (std::vector<std::string>{"input_ids", "attention_mask", "rows"}));
  const auto values = [&](std::size_t i) {
    const auto numbers = fitted->inputs[i].second.i32s();
    return std::vector<std::int32_t>(numbers.begin(), numbers.end());
  };
  EXPECT_EQ(values(0), (std::vector<std::int32_t>{1, 2, 3, 4, 9, 9}));
  EXPECT_EQ(values(1), (std::vector<std::int32_t>{1, 1, 1, 1, 0, 0}));
  batch.rows[0].second[1] = {1, 2, 3, 4};
  EXPECT_EQ(fit_batch(masked_graph(), batch).error().code, ErrorCode::kInternal);
  batch.rows[0].second.pop_back();
  EXPECT_EQ(fit_batch(masked_graph(), batch).error().code, ErrorCode::kInternal);
}

TEST(NamedBatch, TakesItsShapeFromTheTensors) {
  const auto batch = named_batch(masked_graph(), named(small_batch()));
  ASSERT_TRUE(batch) << batch.error().message;
  EXPECT_EQ(batch->shape, usual_shape(2, 3, 2));
  EXPECT_EQ(batch->inputs.size(), 3u);
}

TEST(NamedBatch, NamesWhatDoesNotFit) {
  const auto problem = [](auto change) {
    std::vector<NamedTensor> tensors = named(small_batch());
    change(tensors);
    const auto batch = named_batch(masked_graph(), std::move(tensors));
    return batch ? "" : batch.error().message;
  };
  EXPECT_EQ(problem([](auto& tensors) { tensors[0].first = "pixels"; }), "the model has no input 'pixels'");
  EXPECT_EQ(problem([](auto& tensors) { tensors.pop_back(); }), "the tensor 'rows' is missing");
  EXPECT_EQ(problem([](auto& tensors) { tensors[1].second = Tensor::i32({2, 4}); }),
            "'input_ids' is [2, 3], with the other tensors it must be [2, 4]");
  EXPECT_EQ(problem([](auto& tensors) { tensors[0].second = Tensor::f32({2, 3}); }),
            "'input_ids' is F32 [2, 3], the model takes I32 [batch, sequence]");
  EXPECT_EQ(problem([](auto& tensors) { tensors[2].second = Tensor::i32({1, 2}); }),
            "'rows' is I32 [1, 2], the model takes I32 [rows]");
  EXPECT_NE(problem([](auto& tensors) { tensors[2].second = Tensor::i32({0}); }), "");
}

/// The same graph with an optional input, in the middle of the others.
Graph typed_graph() {
  GraphBuilder b;
  const Dim batch = b.symbol(batch_symbol()), sequence = b.symbol(sequence_symbol(512));
  const ValueId ids = b.input("input_ids", Dtype::kI32, {batch, sequence}, {.filler = 9});
  const ValueId types = b.optional_input("types", Dtype::kI32, {batch, sequence});
  b.input("attention_mask", Dtype::kI32, {batch, sequence}, {.first = 1});
  const ValueId rows = b.input("rows", Dtype::kI32, {b.symbol(rows_symbol())}, {.places_in = {batch, sequence}});
  const ValueId x =
      b.add("embed",
            op::Embed{.ids = ids, .type_ids = types, .word = b.weight("word", {10, 2}), .type = b.weight("t", {2, 2})});
  b.output(b.add("picked", op::SelectRows{.x = x, .rows = rows}), "y");
  return *b.finish();
}

TEST(OptionalInputs, ABatchWithoutOneIsAnotherShapeClass) {
  const Graph graph = typed_graph();
  Batch whole = small_batch();
  whole.add("types", Tensor::i32({2, 3}));
  const auto typed = named_batch(graph, named(whole)), plain = named_batch(graph, named(small_batch()));
  ASSERT_TRUE(typed) << typed.error().message;
  ASSERT_TRUE(plain) << plain.error().message;
  EXPECT_TRUE(typed->shape.absent().empty());
  EXPECT_EQ(plain->shape.text(), "batch 2, rows 2, sequence 3, without types");
  for (const Batch& given : {*plain, small_batch()}) {
    auto fitted = fit_batch(graph, given);
    ASSERT_TRUE(fitted) << fitted.error().message;
    EXPECT_EQ(names_of(*fitted), (std::vector<std::string>{"input_ids", "attention_mask", "rows"}));
    EXPECT_EQ(fitted->shape, plain->shape);
    const ShapeClass bucket = shape_bucket(graph, fitted->shape);
    EXPECT_EQ(bucket.text(), "batch 2, rows 2, sequence 8, without types");
    ASSERT_TRUE(pad_batch(*fitted, graph, bucket));
    EXPECT_EQ(fitted->inputs[1].second.shape, (Shape{2, 8}));
  }
  const auto fitted = fit_batch(graph, whole);
  ASSERT_TRUE(fitted);
  EXPECT_EQ(names_of(*fitted), (std::vector<std::string>{"input_ids", "types", "attention_mask", "rows"}));
  EXPECT_EQ(shape_bucket(graph, fitted->shape), usual_shape(2, 8, 2));
  EXPECT_TRUE(full_shape(graph).absent().empty());
}

TEST(OptionalInputs, TheOthersAreStillNeeded) {
  Batch batch = small_batch();
  batch.inputs.pop_back();
  EXPECT_EQ(named_batch(typed_graph(), named(batch)).error().message, "the tensor 'rows' is missing");
  EXPECT_EQ(fit_batch(typed_graph(), batch).error().code, ErrorCode::kInternal);
  Batch odd = small_batch();
  odd.add("types", Tensor::i32({2, 4}));  // one that is given must fit
  EXPECT_FALSE(named_batch(typed_graph(), named(odd)));
}

TEST(CropOutput, KeepsWhatIsReal) {
  Tensor output = Tensor::f32({2, 3, 2});
  for (int i = 0; i < 12; ++i) output.f32s()[i] = static_cast<float>(i);
  const auto cropped = crop_output(output, {2, 2, 2});
  ASSERT_TRUE(cropped);
  EXPECT_EQ(cropped->shape, (Shape{2, 2, 2}));
  EXPECT_EQ(std::vector<float>(cropped->f32s().begin(), cropped->f32s().end()),
            (std::vector<float>{0, 1, 2, 3, 6, 7, 8, 9}));
}

}  // namespace
}  // namespace ipfs_accelerate
