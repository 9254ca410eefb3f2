// Tests of symbols that follow from others: their numbers, and shapes that cannot be.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/graph.h"

namespace ipfs_accelerate {
namespace {

using testing::HasSubstr;

/// Pictures cut into patches of 8, and one token more than patches.
struct Patches {
  GraphBuilder b;
  Dim batch = b.symbol(batch_symbol()), height = b.symbol(height_symbol()), width = b.symbol(width_symbol());
  Dim patches = b.symbol({.name = "patches", .formula = {{{height, 0, 8}, {width, 0, 8}}}});
  Dim tokens = b.symbol({.name = "tokens", .formula = {{{patches}}, 1}});

  Graph graph() {
    const ValueId x = b.input("x", Dtype::kF32, {batch, tokens, dim(4)});
    b.output(b.add("y", op::Normalize{.x = x}), "out");
    return *b.finish();
  }
};

TEST(Formula, NumbersFollowFromOthers) {
  const Graph graph = Patches().graph();
  const ShapeClass shape{{kBatch, 2}, {kHeight, 40}, {kWidth, 63}};
  EXPECT_EQ(graph.numbers(shape), (std::vector<std::int64_t>{2, 40, 63, 35, 36}));
  EXPECT_EQ(graph.shape_of(graph.find("x"), shape), (Shape{2, 36, 4}));
  EXPECT_TRUE(graph.check(shape));
  EXPECT_EQ(graph.dims_text(graph.value(graph.find("x")).dims), "[batch, tokens, 4]");
  EXPECT_EQ(graph.formula_text(graph.symbols[3].formula), "floor(height / 8) * floor(width / 8)");
  EXPECT_EQ(graph.formula_text(graph.symbols[4].formula), "patches + 1");
}

TEST(Formula, AShapeClassDoesNotOverrideIt) {
  const Graph graph = Patches().graph();
  EXPECT_EQ(graph.numbers({{kHeight, 8}, {kWidth, 8}, {"tokens", 77}}).back(), 2);
}

TEST(Formula, BelowOneIsAnErrorWithTheNumbers) {
  const Graph graph = Patches().graph();
  const auto thin = graph.check({{kHeight, 7}, {kWidth, 64}});
  ASSERT_FALSE(thin);
  EXPECT_EQ(thin.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(thin.error().message, HasSubstr("patches = floor(height / 8) * floor(width / 8) is 0 with height 7, "
                                              "width 64; at least 1 is needed"));
  EXPECT_EQ(graph.check({{kHeight, -8}, {kWidth, -8}}).error().code, ErrorCode::kInvalidArgument);
}

TEST(Formula, ConvolutionsFollowEachOther) {
  GraphBuilder b;
  const Dim samples = b.symbol({.name = "samples", .bucket = Bucket::kExact});
  const Dim first = b.symbol({.name = "first", .formula = {{{samples, -10, 5}}, 1}});
  const Dim second = b.symbol({.name = "second", .formula = {{{first, -3, 2}}, 1}});
  const Dim square = b.symbol({.name = "square", .formula = {{{first, -3, 2}, {first, -3, 2}}}});
  b.output(b.add("y", op::Normalize{.x = b.input("x", Dtype::kF32, {second, square, dim(2)})}), "out");
  const Graph graph = *b.finish();
  EXPECT_EQ(graph.numbers({{"samples", 400}}), (std::vector<std::int64_t>{400, 79, 39, 38 * 38}));
  EXPECT_EQ(graph.numbers({{"samples", 9}})[1], 0);   // floor, not towards zero
  EXPECT_EQ(graph.numbers({{"samples", 9}})[3], -4);  // two negative factors are no value
  const auto none = graph.check({{"samples", 9}});
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message, HasSubstr("first = floor((samples - 10) / 5) + 1 is 0 with samples 9"));
}

TEST(Formula, NumbersOfAnySizeStayNumbers) {
  const Graph graph = Patches().graph();
  for (const std::int64_t huge : {INT64_MAX, INT64_MIN, std::int64_t{1} << 40}) {
    EXPECT_FALSE(graph.check({{kHeight, huge}, {kWidth, huge}})) << huge;
  }
}

TEST(Formula, OnlyWhatCanBeComputedIsTaken) {
  const auto error_of = [](Formula formula) {
    GraphBuilder b;
    b.symbol(batch_symbol());
    const Dim made = b.symbol({.name = "made", .formula = std::move(formula)});
    b.output(b.add("y", op::Normalize{.x = b.input("x", Dtype::kF32, {made, dim(2)})}), "out");
    const auto graph = b.finish();
    return graph ? ErrorCode{} : graph.error().code;
  };
  const Dim batch{{0}, 0}, itself{{1}, 0}, later{{2}, 0};
  EXPECT_EQ(error_of({{{batch, 3, 2}}}), ErrorCode{});
  EXPECT_EQ(error_of({{{itself}}}), ErrorCode::kInternal);
  EXPECT_EQ(error_of({{{later}}}), ErrorCode::kInternal);
  EXPECT_EQ(error_of({{{batch, 0, 0}}}), ErrorCode::kInternal);
  EXPECT_EQ(error_of({{{batch, 0, -1}}}), ErrorCode::kInternal);
  EXPECT_EQ(error_of({{{batch, INT64_MAX, 1}}}), ErrorCode::kInternal);
  GraphBuilder twice;
  const Dim of = twice.symbol(batch_symbol());
  twice.symbol({.name = "made", .formula = {{{of, 0, 2}}}});
  twice.symbol({.name = "made", .formula = {{{of, 0, 3}}}});
  EXPECT_EQ(twice.finish().error().code, ErrorCode::kInternal);
}

}  // namespace
}  // namespace ipfs_accelerate
