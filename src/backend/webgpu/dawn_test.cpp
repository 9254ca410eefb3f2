// Tests of the Dawn executor on whatever adapter the machine has (lavapipe in the reference environment); none is a
// failure.
#include <gtest/gtest.h>

#include <cmath>

#include "backend/webgpu/self_check.h"

namespace ipfs_accelerate::webgpu {
namespace {

constexpr std::int64_t kWidth = 64;

/// y = x * 2 through one linear of the identity matrix; what a "reference" can compute without another backend.
Graph doubling() {
  GraphBuilder b;
  const ValueId x = b.input("x", Dtype::kF32, {kBatchDim, kSequenceDim, dim(kWidth)});
  b.output(b.add("double", op::Linear{.x = x, .weight = b.weight("w", {kWidth, kWidth})}), "y");
  return *b.finish();
}

std::vector<float> diagonal() {
  std::vector<float> w(kWidth * kWidth);
  for (std::int64_t i = 0; i < kWidth; ++i) w[i * kWidth + i] = 2.0f;
  return w;
}

ByteView bytes_of(const std::vector<float>& values) {
  return {reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * 4};
}

TEST(Dawn, ListsRealFacts) {
  const auto devices = list_devices();
  ASSERT_TRUE(devices) << devices.error().message;
  for (const DeviceInfo& device : *devices) {
    EXPECT_EQ(device.platform, "webgpu");
    EXPECT_FALSE(device.name.empty());
    for (const auto& [name, value] : device.limits) EXPECT_GE(value, 0) << name;
    if (device.name.find("llvmpipe") != std::string::npos) EXPECT_FALSE(device.is_real_hardware);
  }
}

TEST(Dawn, RunsRepeatedlyAndInSeveralShapes) {
  const auto backend = DawnBackend::open({});
  ASSERT_TRUE(backend) << backend.error().message;
  auto program = (*backend)->load(doubling(), {});
  ASSERT_TRUE(program) << program.error().message;
  const auto weights = diagonal();
  const WeightPart part{Dtype::kF32, {kWidth, kWidth}, bytes_of(weights)};
  ASSERT_TRUE((*program)->upload(0, {&part, 1}));
  EXPECT_EQ((*program)->weight_bytes(), kWidth * kWidth * 4);
  for (const std::int64_t sequence : {1, 7, 33, 200}) {
    auto executable = (*program)->compile({.batch = 1, .sequence = sequence});
    ASSERT_TRUE(executable) << executable.error().message;
    std::vector<float> x(sequence * kWidth), y(x.size());
    for (int run = 0; run < 3; ++run) {
      for (std::size_t i = 0; i < x.size(); ++i) x[i] = float(i % 97) + float(run);
      std::ranges::fill(y, std::nanf(""));
      const TensorRef input{Dtype::kF32, bytes_of(x)};
      const MutableTensorRef output{Dtype::kF32, {reinterpret_cast<std::uint8_t*>(y.data()), y.size() * 4}};
      ASSERT_TRUE((*executable)->run({&input, 1}, {&output, 1}));
      for (std::size_t i = 0; i < x.size(); ++i) ASSERT_EQ(y[i], 2 * x[i]) << i;
    }
  }
}

TEST(Dawn, WrongArgumentsAreErrors) {
  const auto backend = DawnBackend::open({});
  ASSERT_TRUE(backend);
  auto program = (*backend)->load(doubling(), {});
  ASSERT_TRUE(program);
  const auto early = (*program)->compile({.batch = 1, .sequence = 1});
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().code, ErrorCode::kMissingWeight);
  const auto weights = diagonal();
  const WeightPart part{Dtype::kF32, {kWidth, kWidth}, bytes_of(weights)};
  ASSERT_TRUE((*program)->upload(0, {&part, 1}));
  auto executable = (*program)->compile({.batch = 1, .sequence = 1});
  ASSERT_TRUE(executable);
  std::vector<float> x(kWidth), y(kWidth);
  const TensorRef input{Dtype::kF32, bytes_of(x)}, wrong{Dtype::kI32, bytes_of(x)},
      brief{Dtype::kF32, bytes_of(x).first(4)};
  const MutableTensorRef output{Dtype::kF32, {reinterpret_cast<std::uint8_t*>(y.data()), y.size() * 4}};
  EXPECT_TRUE((*executable)->run({&input, 1}, {&output, 1}));
  EXPECT_FALSE((*executable)->run({&wrong, 1}, {&output, 1}));
  EXPECT_FALSE((*executable)->run({&brief, 1}, {&output, 1}));
  EXPECT_FALSE((*executable)->run({}, {&output, 1}));
  EXPECT_FALSE((*executable)->run({&input, 1}, {}));
}

TEST(Dawn, BrokenShadersAreNamed) {
  const auto device = DawnDevice::open({});
  ASSERT_TRUE(device);
  const auto made = (*device)->pipelines({{"broken", "this is no shader", {BindingType::kStorage}}});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kShaderCompile);
  EXPECT_NE(made.error().message.find("broken"), std::string::npos);
  EXPECT_TRUE((*device)->state()) << "a refused shader must not spoil the device";
}

TEST(Dawn, LostDevicesAreReported) {
  const auto backend = DawnBackend::open({});
  ASSERT_TRUE(backend);
  (*backend)->dawn().device.ForceLoss(wgpu::DeviceLostReason::Unknown, "on purpose");
  const auto program = (*backend)->load(doubling(), {});
  ASSERT_TRUE(program);
  const auto weights = diagonal();
  const WeightPart part{Dtype::kF32, {kWidth, kWidth}, bytes_of(weights)};
  const auto uploaded = (*program)->upload(0, {&part, 1});
  ASSERT_FALSE(uploaded);
  EXPECT_EQ(uploaded.error().code, ErrorCode::kDeviceLost);
}

TEST(Dawn, FeaturesCanBeSwitchedOff) {
  const auto backend = DawnBackend::open({.toggles = {}, .switched_off = {"shader-f16", "subgroups"}, .tuning = {}});
  ASSERT_TRUE(backend);
  EXPECT_FALSE((*backend)->dawn().capabilities.shader_f16);
  EXPECT_FALSE((*backend)->dawn().capabilities.subgroups);
  EXPECT_FALSE((*backend)->device().switched_off.empty());
}

/// Attention with mask and position bias between two linears, so that its values are f16 at precision 16.
Graph attention_chain() {
  GraphBuilder b;
  const ValueId x = b.input("x", Dtype::kF32, {kBatchDim, kSequenceDim, dim(kWidth)});
  const ValueId mask = b.input("mask", Dtype::kI32, {kBatchDim, kSequenceDim});
  const ValueId bias = b.add("bias", op::RelativeBias{.table = b.weight("table", {32, 2})});
  const ValueId h = b.add("in", op::Linear{.x = x, .weight = b.weight("in", {kWidth, kWidth})});
  const ValueId qkv = b.add("qkv", op::Linear{.x = h, .weight = b.weight("qkv", {3 * kWidth, kWidth})});
  const ValueId mixed = b.add(
      "attention", op::Attention{.qkv = qkv, .mask = mask, .bias = bias, .heads = 2, .head_dim = 32, .scale = 0.18f});
  b.output(b.add("out", op::Linear{.x = mixed,
                                   .residual = h,
                                   .weight = b.weight("out", {kWidth, kWidth}),
                                   .activation = Activation::kGelu}),
           "y");
  return *b.finish();
}

std::vector<float> noise(std::int64_t count, float scale, std::uint32_t seed) {
  std::vector<float> out(count);
  for (float& v : out) v = (float((seed = seed * 1664525u + 1013904223u) >> 8) / 8388608.0f - 1.0f) * scale;
  return out;
}

Result<std::vector<float>> run_chain(Backend& backend, int precision, const ShapeClass& shape) {
  const Graph graph = attention_chain();
  IA_ASSIGN(auto program, backend.load(graph, {.precision = precision}));
  for (std::size_t id = 0; id < graph.weights.size(); ++id) {
    const Shape& dims = graph.weights[id].shape;
    const auto values = noise(dims[0] * dims[1], dims[1] == 2 ? 1.0f : 0.2f, std::uint32_t(id + 5));
    const WeightPart part{Dtype::kF32, dims, bytes_of(values)};
    IA_TRY(program->upload(WeightId(id), {&part, 1}));
  }
  IA_ASSIGN(auto executable, program->compile(shape));
  const std::int64_t tokens = shape.batch * shape.sequence;
  const auto x = noise(tokens * kWidth, 2.0f, 99);
  std::vector<std::int32_t> mask(tokens);
  for (std::int64_t i = 0; i < tokens; ++i)
    mask[i] = i / shape.sequence == 1 ? 0 : i % 11 != 3;  // one sequence wholly masked
  std::vector<float> y(x.size(), std::nanf(""));
  const TensorRef inputs[] = {{Dtype::kF32, bytes_of(x)},
                              {Dtype::kI32, {reinterpret_cast<const std::uint8_t*>(mask.data()), mask.size() * 4}}};
  const MutableTensorRef output{Dtype::kF32, {reinterpret_cast<std::uint8_t*>(y.data()), y.size() * 4}};
  for (int run = 0; run < 2; ++run) IA_TRY(executable->run(inputs, {&output, 1}));
  return y;
}

TEST(Dawn, F16AndMatrixKernelsAgreeWithPlainOnes) {
  const auto all = DawnBackend::open({});
  const auto plain = DawnBackend::open({.toggles = {}, .switched_off = {"subgroups", "shader-f16"}, .tuning = {}});
  ASSERT_TRUE(all && plain);
  // One step of keys, several, and rows that fill no tile.
  for (const ShapeClass& shape : {ShapeClass{2, 40}, ShapeClass{3, 77}, ShapeClass{1, 261}}) {
    const auto expected = run_chain(**plain, 32, shape);
    ASSERT_TRUE(expected) << expected.error().message;
    for (const int precision : {32, 16}) {
      const auto got = run_chain(**all, precision, shape);
      ASSERT_TRUE(got) << got.error().message;
      double worst = 0;
      for (std::size_t i = 0; i < expected->size(); ++i) {
        const double difference = std::abs((*got)[i] - (*expected)[i]);
        worst = difference <= worst ? worst : difference;
      }
      EXPECT_LT(worst, precision == 16 ? 2e-2 : 1e-4) << shape.batch << " x " << shape.sequence << " at " << precision;
    }
  }
}

/// Answers every graph with numbers that are wrong in every element.
class WrongReference final : public Backend {
 public:
  class WrongProgram final : public Program {
    class Run final : public Executable {
      Result<> run(std::span<const TensorRef>, std::span<const MutableTensorRef> outputs) override {
        for (const MutableTensorRef& output : outputs) std::ranges::fill(output.bytes, std::uint8_t(0x40));
        return {};
      }
      std::int64_t memory_bytes() const override { return 0; }
    };
    Result<> upload(WeightId, std::span<const WeightPart>) override { return {}; }
    Result<std::unique_ptr<Executable>> compile(const ShapeClass&) override { return std::make_unique<Run>(); }
    std::int64_t weight_bytes() const override { return 0; }
    std::vector<std::string> optimizations() const override { return {}; }
  };
  const DeviceInfo& device() const override { return info_; }
  std::string declines(const Graph&, const Node&, const LoadOptions&) const override { return {}; }
  Result<std::unique_ptr<Program>> load(const Graph&, const LoadOptions&) override {
    return std::make_unique<WrongProgram>();
  }

 private:
  DeviceInfo info_;
};

TEST(SelfCheck, WrongNumbersRefuseTheDevice) {
  WrongReference wrong;
  const auto backend = make_backend(wrong);
  ASSERT_FALSE(backend);
  EXPECT_EQ(backend.error().code, ErrorCode::kSelfCheckFailed);
}

}  // namespace
}  // namespace ipfs_accelerate::webgpu
