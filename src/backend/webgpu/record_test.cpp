// Tests of the recorder: pure, no device.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "backend/quirks.h"
#include "backend/webgpu/recording.h"
#include "graph/test_symbols.h"

namespace ipfs_accelerate::webgpu {
namespace {

Graph two_linears(std::int64_t width = 32) {
  TestBuilder b;
  const ValueId x = b.input("x", Dtype::kF32, {kBatchDim, kSequenceDim, dim(width)});
  ValueId h = b.add("a", op::Linear{.x = x, .weight = b.weight("wa", {width, width}), .bias = b.weight("ba", {width})});
  h = b.add("b", op::Linear{.x = h, .residual = x, .weight = b.weight("wb", {width, width})});
  h = b.add("c", op::Linear{.x = h, .weight = b.weight("wb", {width, width})});
  b.output(h, "y");
  return *b.finish();
}

Capabilities everything() {
  return {.shader_f16 = true,
          .subgroups = true,
          .subgroup_min_size = 32,
          .subgroup_max_size = 32,
          .subgroup_matrix = 16,
          .max_workgroup_storage = 49152,
          .max_workgroup_invocations = 1024,
          .tuning = {}};
}

TEST(Record, OneDispatchPerNodeAndSharedPipelines) {
  const Graph graph = two_linears();
  const auto recording = record(graph, usual_shape(2, 40), {}, {});
  ASSERT_TRUE(recording) << recording.error().message;
  EXPECT_EQ(recording->dispatches.size(), 3u);
  EXPECT_EQ(recording->pipelines.size(), 3u);  // bias, residual, neither: three texts
  const auto again = record(graph, usual_shape(3, 70), {}, {});
  ASSERT_TRUE(again);
  for (std::size_t i = 0; i < again->pipelines.size(); ++i)
    EXPECT_EQ(again->pipelines[i].wgsl, recording->pipelines[i].wgsl);
}

TEST(Record, WritesNeverTouchABufferTheDispatchReads) {
  for (const int precision : {32, 16}) {
    const auto recording = record(two_linears(), usual_shape(2, 40), everything(), {.precision = precision});
    ASSERT_TRUE(recording) << recording.error().message;
    for (const DispatchSpec& dispatch : recording->dispatches) {
      const auto& types = recording->pipelines[dispatch.pipeline].binding_types;
      ASSERT_EQ(types.size(), dispatch.bindings.size());
      std::multiset<std::int32_t> buffers, written;
      for (std::size_t i = 0; i < types.size(); ++i) {
        const BindingSpec& binding = dispatch.bindings[i];
        ASSERT_LE(binding.offset + binding.bytes, recording->buffers[binding.buffer].bytes);
        EXPECT_EQ(binding.bytes % 16, 0);
        buffers.insert(binding.buffer);
        if (types[i] == BindingType::kStorage) written.insert(binding.buffer);
      }
      ASSERT_EQ(written.size(), 1u);
      EXPECT_EQ(buffers.count(*written.begin()), 1u) << dispatch.label;
    }
  }
}

TEST(Record, Precision16NeedsF16) {
  const auto f32 = record(two_linears(), usual_shape(1, 40), {}, {.precision = 16});
  ASSERT_TRUE(f32);
  for (const BufferSpec& buffer : f32->buffers) EXPECT_NE(buffer.dtype, Dtype::kF16);
  EXPECT_EQ(std::ranges::count(f32->optimizations, "f16 storage"), 0);
  EXPECT_EQ(std::ranges::count(f32->optimizations, "f32 in place of f16: the device has no shader-f16"), 1);
  const auto f16 = record(two_linears(), usual_shape(1, 40), everything(), {.precision = 16});
  ASSERT_TRUE(f16);
  EXPECT_EQ(std::ranges::count(f16->optimizations, "f16 storage"), 1);
  EXPECT_EQ(std::ranges::count(f16->optimizations, "subgroup matrices"), 1);
}

TEST(Record, AttentionOnF32ValuesStaysOffTheMatrixKernels) {
  TestBuilder b;
  const ValueId qkv =
      b.input("qkv", Dtype::kF32, {kBatchDim, kSequenceDim, dim(96)});  // inputs stay f32 at any precision
  b.output(b.add("attention", op::self_attention(qkv, 2, 16)), "y");
  const auto recording = record(*b.finish(), usual_shape(1, 40), everything(), {.precision = 16});
  ASSERT_TRUE(recording);
  EXPECT_EQ(recording->pipelines[0].label, "attention");
}

TEST(Record, WeightsLieTheSameInEveryShape) {
  const auto layouts = [](const Recording& recording) {
    std::set<std::tuple<std::int32_t, int, std::int64_t>> all;
    for (const BufferSpec& b : recording.buffers) {
      if (b.kind == BufferKind::kWeight) all.insert({b.index, int(b.dtype), b.bytes});
    }
    return all;
  };
  for (const int precision : {32, 16}) {
    const auto small = record(two_linears(), {}, everything(), {.precision = precision});
    const auto large = record(two_linears(), usual_shape(64, 512), everything(), {.precision = precision});
    ASSERT_TRUE(small && large);
    EXPECT_EQ(layouts(*small), layouts(*large));
  }
}

TEST(Record, LimitsAreErrors) {
  Capabilities tiny;
  tiny.max_storage_binding = 1024;
  const Graph graph = two_linears();
  EXPECT_NE(declines(graph, graph.nodes[0], tiny, {}), "");
  const auto refused = record(graph, usual_shape(1, 4), tiny, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupportedOp);
  tiny.max_storage_binding = 8192;
  const auto large = record(graph, usual_shape(64, 64), tiny, {});
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, ErrorCode::kLimitExceeded);
  EXPECT_FALSE(record(graph, usual_shape(0, 4), {}, {}));
  EXPECT_FALSE(record(graph, usual_shape(1 << 20, 1 << 20), {}, {}));
}

TEST(Record, JsonHoldsEverything) {
  const auto recording = record(two_linears(), usual_shape(1, 3), {}, {});
  ASSERT_TRUE(recording);
  const std::string json = to_json(*recording);
  EXPECT_TRUE(json.starts_with("{\"version\":1,\"buffers\":["));
  EXPECT_NE(json.find("\"data\":\"AQAAAAMAAAABAAAAAAAAAA==\""), std::string::npos);  // 1, 3, 3, 1
  EXPECT_NE(json.find("\"bindings\":[\"uniform\",\"read-only-storage\""), std::string::npos);
  EXPECT_EQ(json.find('\n'), std::string::npos);
}

TEST(Record, TheUniformHoldsDerivedNumbersToo) {
  GraphBuilder b;
  const Dim height = b.symbol(height_symbol());
  const Dim rows = b.symbol({.name = "patch_rows", .formula = {{{height, 0, 8}}, 1}});
  b.output(b.add("y", op::Normalize{.x = b.input("x", Dtype::kF32, {rows, dim(4)})}), "out");
  const auto recording = record(*b.finish(), {{kHeight, 42}}, {}, {});
  ASSERT_TRUE(recording) << recording.error().message;
  std::uint32_t numbers[2];
  std::memcpy(numbers, recording->buffers[0].data.data(), sizeof(numbers));
  EXPECT_EQ(numbers[0], 42u);
  EXPECT_EQ(numbers[1], 6u);
  EXPECT_THAT(recording->pipelines[0].wgsl, testing::HasSubstr("height: u32, patch_rows: u32"));
}

TEST(Record, TheSubgroupMatrixQuirkChangesTheShaders) {
  const auto texts = [] {
    std::string all;
    for (const PipelineSpec& pipeline :
         record(two_linears(), usual_shape(2, 40), everything(), {.precision = 16})->pipelines)
      all += pipeline.wgsl;
    return all;
  };
  const ForcedQuirk on("spell_out_subgroup_matrix_zero", true);
  EXPECT_NE(texts().find("= Sum();"), std::string::npos);
  const ForcedQuirk off("spell_out_subgroup_matrix_zero", false);
  EXPECT_EQ(texts().find("= Sum();"), std::string::npos);
}

}  // namespace
}  // namespace ipfs_accelerate::webgpu
