// The CPU backend's refusals and its device facts; what it computes is tested by the conformance suite.
#include "backend/cpu/cpu.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/in_place.h"
#include "graph/test_symbols.h"

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
    TestBuilder b;
    const ValueId ids = b.input("ids", Dtype::kI32, {kBatchDim, kSequenceDim});
    b.output(b.add("embed", op::Embed{.ids = ids, .word = b.weight("word", {3, 2})}), "y");
    graph = b.finish().value();
    backend = cpu::make_backend(compute);
    program = run_in_place(backend->load(graph, {}, Stop())).value();
  }
  Result<> upload(Dtype dtype, Shape shape, ByteView bytes) {
    return run_in_place(program->upload({0}, {{dtype, std::move(shape), bytes}}, Stop()));
  }
  InPlaceCompute compute;
  Graph graph;
  std::unique_ptr<Backend> backend;
  std::unique_ptr<Program> program;
  const std::vector<float> table{1, 2, 3, 4, 5, 6};
};

TEST(CpuBackend, DescribesTheMachine) {
  InPlaceCompute compute;
  const auto backend = cpu::make_backend(compute);
  const DeviceInfo& device = backend->device();
  EXPECT_EQ(device.platform, "cpu");
  EXPECT_FALSE(device.name.empty());
  EXPECT_FALSE(device.features.empty());
  EXPECT_TRUE(device.is_real_hardware);
  EXPECT_EQ(device.threads, 1);
}

TEST(CpuBackend, RefusesWeightsThatDoNotFit) {
  Lookup lookup;
  EXPECT_EQ(run_in_place(lookup.program->compile(usual_shape(1, 1), Stop())).error().code, ErrorCode::kMissingWeight);
  EXPECT_EQ(run_in_place(lookup.program->upload({1}, {}, Stop())).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(lookup.upload(Dtype::kI32, {3, 2}, bytes_of(lookup.table)).error().code, ErrorCode::kUnsupportedDtype);
  EXPECT_EQ(lookup.upload(Dtype::kF32, {2, 3}, bytes_of(lookup.table)).error().code, ErrorCode::kWrongShape);
  EXPECT_EQ(lookup.upload(Dtype::kF32, {2, 2}, bytes_of(std::span(lookup.table).first(4))).error().code,
            ErrorCode::kWrongShape);
  EXPECT_EQ(lookup.upload(Dtype::kF32, {3, 2}, bytes_of(std::span(lookup.table).first(5))).error().code,
            ErrorCode::kMalformedWeights);
  EXPECT_TRUE(lookup.upload(Dtype::kF32, {3, 2}, bytes_of(lookup.table)));
  EXPECT_EQ(lookup.program->weight_bytes(), 24);
}

TEST(CpuBackend, AStoppedUploadIsNotThere) {
  Lookup lookup;
  const Stop stop;
  stop.request();
  const WeightPart part{Dtype::kF32, {3, 2}, bytes_of(lookup.table)};
  EXPECT_EQ(run_in_place(lookup.program->upload({0}, {part}, stop)).error().code, ErrorCode::kCancelled);
  EXPECT_EQ(run_in_place(lookup.program->compile(usual_shape(1, 1), Stop())).error().code, ErrorCode::kMissingWeight);
}

TEST(CpuBackend, RefusesInputsThatDoNotFit) {
  Lookup lookup;
  ASSERT_TRUE(lookup.upload(Dtype::kF32, {3, 2}, bytes_of(lookup.table)));
  EXPECT_EQ(run_in_place(lookup.program->compile(usual_shape(0, 1), Stop())).error().code, ErrorCode::kInvalidArgument);
  auto executable = run_in_place(lookup.program->compile(usual_shape(1, 2), Stop())).value();
  std::vector<float> y(4);
  const MutableTensorRef output{Dtype::kF32, {reinterpret_cast<std::uint8_t*>(y.data()), 16}};
  const auto run = [&](std::vector<std::int32_t> ids) {
    const TensorRef input{Dtype::kI32, bytes_of(ids)};
    return run_in_place(executable->run({input}, {output}, Stop()));
  };
  ASSERT_TRUE(run({2, 0}));
  EXPECT_EQ(y, (std::vector<float>{5, 6, 1, 2}));
  EXPECT_EQ(run({2, 3}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(run({2, 3}).error().message.find("token id 3 at position 1 is outside 0 ... 2"), std::string::npos);
  EXPECT_EQ(run({-1, 0}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(run({1}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(run_in_place(executable->run({}, {output}, Stop())).error().code, ErrorCode::kInvalidArgument);
}

TEST(CpuBackend, AcceptsPrecision16AndSaysWhatItDoes) {
  Lookup lookup;
  auto program = run_in_place(lookup.backend->load(lookup.graph, {.precision = 16}, Stop()));
  ASSERT_TRUE(program);
  EXPECT_EQ((*program)->precision(), 32);
  EXPECT_NE((*program)->optimizations().back().find("computed in f32"), std::string::npos);
  EXPECT_EQ(run_in_place(lookup.backend->load(lookup.graph, {.precision = 8}, Stop())).error().code,
            ErrorCode::kUnsupportedPrecision);
}

TEST(CpuBackend, GeluFollowsErf) {
  TestBuilder b;
  const ValueId x = b.input("x", Dtype::kF32, {kBatchDim, dim(1)});
  b.output(b.add("y", op::Linear{.x = x, .weight = b.weight("w", {1, 1}), .activation = Activation::kGelu}), "out");
  const Graph graph = b.finish().value();
  InPlaceCompute compute;
  const auto backend = cpu::make_backend(compute);
  auto program = run_in_place(backend->load(graph, {}, Stop())).value();
  const float one = 1;
  const WeightPart part{Dtype::kF32, {1, 1}, bytes_of(std::span(&one, 1))};
  ASSERT_TRUE(run_in_place(program->upload({0}, {part}, Stop())));
  std::vector<float> xs, ys;
  for (int i = -20000; i <= 20000; ++i) xs.push_back(static_cast<float>(i) * 0.001f);
  ys.resize(xs.size());
  auto executable =
      run_in_place(program->compile(usual_shape(static_cast<std::int64_t>(xs.size()), 1), Stop())).value();
  const TensorRef input{Dtype::kF32, bytes_of(xs)};
  const MutableTensorRef output{Dtype::kF32, {reinterpret_cast<std::uint8_t*>(ys.data()), ys.size() * 4}};
  ASSERT_TRUE(run_in_place(executable->run({input}, {output}, Stop())));
  for (std::size_t i = 0; i < xs.size(); ++i) {
    const double exact = 0.5 * xs[i] * (1 + std::erf(xs[i] / std::sqrt(2.0)));
    ASSERT_NEAR(ys[i], exact, 1e-6 * std::max(1.0, std::abs(exact))) << xs[i];
  }
}

// Lets through so many tasks, then asks to stop, as a caller may from another thread.
class StoppingPool final : public Pool {
 public:
  int threads() const override { return 1; }
  int left = 0, ran = 0;
  std::optional<Stop> stop;

 private:
  void run_erased(std::int64_t count, Function function, void* context) override {
    for (std::int64_t index = 0; index < count && !stopped(); ++index) {
      function(context, index, 0);
      ++ran;
      if (stop && --left == 0) stop->flag() = 1;
    }
  }
};
class StoppingCompute final : public Compute {
 public:
  int threads() const override { return 1; }
  std::shared_ptr<Pool> pool(int) override { return stopping; }
  Async<> run_steps(std::function<Result<bool>()> step, Stop stop) override { return in_place_.run_steps(step, stop); }
  Async<> offload(std::function<Result<>()> work, Stop stop) override { return in_place_.offload(work, stop); }
  std::shared_ptr<StoppingPool> stopping = std::make_shared<StoppingPool>();

 private:
  InPlaceCompute in_place_;
};

TEST(CpuBackend, StopsWithinAChunk) {
  TestBuilder b;
  const ValueId x = b.input("x", Dtype::kF32, {kBatchDim, kSequenceDim, dim(64)});
  b.output(b.add("y", op::Linear{.x = x, .weight = b.weight("w", {64, 64})}), "out");
  StoppingCompute compute;
  const auto backend = cpu::make_backend(compute);
  auto program = run_in_place(backend->load(b.finish().value(), {}, Stop())).value();
  const std::vector<float> w(64 * 64), xs(64 * 512);
  ASSERT_TRUE(run_in_place(program->upload({0}, {{Dtype::kF32, {64, 64}, bytes_of(w)}}, Stop())));
  auto executable = run_in_place(program->compile(usual_shape(1, 512), Stop())).value();
  std::vector<float> y(xs.size());
  const MutableTensorRef output{Dtype::kF32, {reinterpret_cast<std::uint8_t*>(y.data()), y.size() * 4}};
  const TensorRef input{Dtype::kF32, bytes_of(xs)};
  StoppingPool& pool = *compute.stopping;
  pool.ran = 0;
  ASSERT_TRUE(run_in_place(executable->run({input}, {output}, Stop())));
  ASSERT_GT(pool.ran, 1);
  pool.ran = 0, pool.left = 1, pool.stop = Stop();
  EXPECT_EQ(run_in_place(executable->run({input}, {output}, *pool.stop)).error().code, ErrorCode::kCancelled);
  EXPECT_EQ(pool.ran, 1);
  pool.stop.reset();
  EXPECT_TRUE(run_in_place(executable->run({input}, {output}, Stop())));  // the next run is whole again
}

TEST(CpuBackend, ShapesBeyondMemoryAreErrors) {
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
  GTEST_SKIP() << "the sanitizer ends the program instead of refusing memory";
#endif
#endif
  Lookup lookup;
  ASSERT_TRUE(lookup.upload(Dtype::kF32, {3, 2}, bytes_of(lookup.table)));
  // More than any address space holds, within what a shape may have.
  const auto huge = run_in_place(lookup.program->compile(usual_shape(std::int64_t{1} << 46, 1), Stop()));
  ASSERT_FALSE(huge);
  EXPECT_EQ(huge.error().code, ErrorCode::kOutOfMemory);
}

}  // namespace
}  // namespace ipfs_accelerate
