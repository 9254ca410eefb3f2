// The CPU backend's refusals and its device facts; what it computes is tested by the conformance suite.
#include "backend/cpu/cpu.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ipfs_accelerate {
namespace {

ByteView bytes_of(std::span<const float> values) {
  return {reinterpret_cast<const std::uint8_t*>(values.data()), values.size_bytes()};
}
ByteView bytes_of(std::span<const std::int32_t> values) {
  return {reinterpret_cast<const std::uint8_t*>(values.data()), values.size_bytes()};
}

// y = embed(ids), a table of 3 rows of 2.
struct Lookup {
  Lookup() {
    GraphBuilder b;
    const ValueId ids = b.input("ids", Dtype::kI32, {kBatchDim, kSequenceDim});
    b.output(b.add("embed", op::Embed{.ids = ids, .word = b.weight("word", {3, 2})}), "y");
    graph = b.finish().value();
    backend = cpu::make_backend(2);
    program = backend->load(graph, {}).value();
  }
  Result<> upload(Dtype dtype, Shape shape, ByteView bytes) {
    const WeightPart part{dtype, std::move(shape), bytes};
    return program->upload(0, {&part, 1});
  }
  Graph graph;
  std::unique_ptr<Backend> backend;
  std::unique_ptr<Program> program;
  const std::vector<float> table{1, 2, 3, 4, 5, 6};
};

TEST(CpuBackend, DescribesTheMachine) {
  const auto backend = cpu::make_backend(2);
  const DeviceInfo& device = backend->device();
  EXPECT_EQ(device.platform, "cpu");
  EXPECT_FALSE(device.name.empty());
  EXPECT_FALSE(device.features.empty());
  EXPECT_TRUE(device.is_real_hardware);
  EXPECT_EQ(device.threads, 2);
  EXPECT_GE(cpu::make_backend()->device().threads, 1);
}

TEST(CpuBackend, RefusesWeightsThatDoNotFit) {
  Lookup lookup;
  EXPECT_EQ(lookup.program->compile({1, 1, 1}).error().code, ErrorCode::kMissingWeight);
  EXPECT_EQ(lookup.program->upload(1, {}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(lookup.upload(Dtype::kI32, {3, 2}, bytes_of(lookup.table)).error().code, ErrorCode::kUnsupportedDtype);
  EXPECT_EQ(lookup.upload(Dtype::kF32, {2, 3}, bytes_of(lookup.table)).error().code, ErrorCode::kWrongShape);
  EXPECT_EQ(lookup.upload(Dtype::kF32, {2, 2}, bytes_of(std::span(lookup.table).first(4))).error().code,
            ErrorCode::kWrongShape);
  EXPECT_EQ(lookup.upload(Dtype::kF32, {3, 2}, bytes_of(std::span(lookup.table).first(5))).error().code,
            ErrorCode::kMalformedWeights);
  EXPECT_TRUE(lookup.upload(Dtype::kF32, {3, 2}, bytes_of(lookup.table)));
  EXPECT_EQ(lookup.program->weight_bytes(), 24);
}

TEST(CpuBackend, RefusesInputsThatDoNotFit) {
  Lookup lookup;
  ASSERT_TRUE(lookup.upload(Dtype::kF32, {3, 2}, bytes_of(lookup.table)));
  EXPECT_EQ(lookup.program->compile({0, 1, 1}).error().code, ErrorCode::kInvalidArgument);
  auto executable = lookup.program->compile({1, 2, 1}).value();
  std::vector<float> y(4);
  const MutableTensorRef output{Dtype::kF32, {reinterpret_cast<std::uint8_t*>(y.data()), 16}};
  const auto run = [&](std::vector<std::int32_t> ids) {
    const TensorRef input{Dtype::kI32, bytes_of(ids)};
    return executable->run({&input, 1}, {&output, 1});
  };
  ASSERT_TRUE(run({2, 0}));
  EXPECT_EQ(y, (std::vector<float>{5, 6, 1, 2}));
  EXPECT_EQ(run({2, 3}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(run({2, 3}).error().message.find("token id 3 at position 1 is outside 0 ... 2"), std::string::npos);
  EXPECT_EQ(run({-1, 0}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(run({1}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(executable->run({}, {&output, 1}).error().code, ErrorCode::kInvalidArgument);
}

TEST(CpuBackend, AcceptsPrecision16AndSaysWhatItDoes) {
  Lookup lookup;
  auto program = lookup.backend->load(lookup.graph, {.precision = 16});
  ASSERT_TRUE(program);
  EXPECT_NE((*program)->optimizations().back().find("computed in f32"), std::string::npos);
  EXPECT_EQ(lookup.backend->load(lookup.graph, {.precision = 8}).error().code, ErrorCode::kUnsupportedPrecision);
}

TEST(CpuBackend, GeluFollowsErf) {
  GraphBuilder b;
  const ValueId x = b.input("x", Dtype::kF32, {kBatchDim, dim(1)});
  b.output(b.add("y", op::Linear{.x = x, .weight = b.weight("w", {1, 1}), .activation = Activation::kGelu}), "out");
  const Graph graph = b.finish().value();
  const auto backend = cpu::make_backend(1);
  auto program = backend->load(graph, {}).value();
  const float one = 1;
  const WeightPart part{Dtype::kF32, {1, 1}, bytes_of(std::span(&one, 1))};
  ASSERT_TRUE(program->upload(0, {&part, 1}));
  std::vector<float> xs, ys;
  for (int i = -20000; i <= 20000; ++i) xs.push_back(static_cast<float>(i) * 0.001f);
  ys.resize(xs.size());
  auto executable = program->compile({static_cast<std::int64_t>(xs.size()), 1, 1}).value();
  const TensorRef input{Dtype::kF32, bytes_of(xs)};
  const MutableTensorRef output{Dtype::kF32, {reinterpret_cast<std::uint8_t*>(ys.data()), ys.size() * 4}};
  ASSERT_TRUE(executable->run({&input, 1}, {&output, 1}));
  for (std::size_t i = 0; i < xs.size(); ++i) {
    const double exact = 0.5 * xs[i] * (1 + std::erf(xs[i] / std::sqrt(2.0)));
    ASSERT_NEAR(ys[i], exact, 1e-6 * std::max(1.0, std::abs(exact))) << xs[i];
  }
}

}  // namespace
}  // namespace ipfs_accelerate
