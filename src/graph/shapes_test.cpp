// Tests of symbols that follow from others: their numbers, and shapes that cannot be.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "graph/typical_shape.h"

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

TEST(Formula, TheTypicalShapeIsLargeEnough) {
  const Graph graph = Patches().graph();
  const ShapeClass shape = typical_shape(graph);
  EXPECT_TRUE(graph.check(shape));
  EXPECT_EQ(shape.at(kBatch), 1);
  EXPECT_EQ(shape.at(kHeight), 8);
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

/// Why the pictures' ops refuse; empty when they do not.
std::string refusal(std::int64_t channels, std::int32_t size, Shape prefix, Shape position,
                    const std::function<void(op::Patches&, op::VisionEmbed&)>& change = {}) {
  GraphBuilder b;
  const Dim batch = b.symbol(batch_symbol()), height = b.symbol(height_symbol()), width = b.symbol(width_symbol());
  const ValueId pixels = b.input("pixels", Dtype::kF32, {batch, dim(channels), height, width});
  op::Patches patches = patches_of(b, pixels, size);
  op::VisionEmbed embed{.rows = patches.rows, .columns = patches.columns};
  if (!prefix.empty()) embed.prefix = b.weight("prefix", prefix);
  embed.position = b.weight("position", std::move(position));
  embed.tokens = tokens_of(b, patches.count, prefix.empty() ? 0 : prefix[0]);
  if (change) change(patches, embed);
  embed.x = b.add("patches", patches);
  b.output(b.add("embed", embed), "y");
  const auto graph = b.finish();
  return graph ? "" : graph.error().message;
}

TEST(Pictures, RulesSayWhatDoesNotFit) {
  EXPECT_EQ(refusal(3, 2, {1, 12}, {17, 12}), "");
  EXPECT_EQ(refusal(3, 2, {}, {16, 12}), "");
  EXPECT_THAT(refusal(3, 0, {1, 12}, {17, 12}), HasSubstr("has a formula that cannot be computed"));
  EXPECT_THAT(refusal(3, 1 << 15, {1, 12}, {17, 12}), HasSubstr("size is 32768"));
  EXPECT_THAT(refusal(1 << 15, 2, {1, 12}, {17, 12}), HasSubstr("number of channels"));
  EXPECT_THAT(refusal(3, 2, {1, 12}, {16, 12}), HasSubstr("[16, 12] with 1 rows for the prefix leaves no square"));
  EXPECT_THAT(refusal(3, 2, {1, 11}, {17, 12}), HasSubstr("x has 12 columns, prefix 11"));
  EXPECT_THAT(refusal(3, 2, {2, 12}, {1, 12}), HasSubstr("leaves no square grid"));
  const auto changed = [](auto change) { return refusal(3, 2, {1, 12}, {17, 12}, change); };
  EXPECT_THAT(changed([](auto& patches, auto&) { patches.rows = patches.columns; }), HasSubstr("rows are not"));
  EXPECT_THAT(changed([](auto& patches, auto&) { patches.count = {}; }), HasSubstr("patches are not"));
  EXPECT_THAT(changed([](auto&, auto& embed) { embed.columns = embed.rows; }), HasSubstr("patches are not"));
  EXPECT_THAT(changed([](auto& patches, auto& embed) { embed.tokens = patches.count; }), HasSubstr("tokens are not"));
  EXPECT_THAT(refusal(3, 2, {}, {16, 12}, [](auto&, auto& embed) { embed.tokens = embed.rows; }),
              HasSubstr("there is no prefix"));
}

TEST(Pictures, TapsOfTheSameSizeAreThePlacesThemselves) {
  const auto taps = cubic_taps(5, 5);
  ASSERT_EQ(taps.size(), 5u);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(taps[i].at[1], static_cast<std::int32_t>(i));
    EXPECT_EQ(taps[i].weight, (std::array<float, 4>{0, 1, 0, 0}));
  }
}

TEST(Pictures, TapsStayInsideAndAddUpToOne) {
  for (const auto& [from, to] : {std::pair<std::int64_t, std::int64_t>{1, 7}, {4, 5}, {14, 3}, {3, 100}}) {
    for (const Taps& taps : cubic_taps(from, to)) {
      float sum = 0;
      for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_GE(taps.at[i], 0);
        EXPECT_LT(taps.at[i], from);
        sum += taps.weight[i];
      }
      EXPECT_NEAR(sum, 1, 1e-6);
    }
  }
  // Halfway: the kernel at 1.5, 0.5, 0.5, 1.5.
  const Taps half = cubic_taps(4, 2)[0];
  EXPECT_EQ(half.at, (std::array<std::int32_t, 4>{0, 0, 1, 2}));
  EXPECT_EQ(half.weight, (std::array<float, 4>{-0.09375f, 0.59375f, 0.59375f, -0.09375f}));
}

}  // namespace
}  // namespace ipfs_accelerate
