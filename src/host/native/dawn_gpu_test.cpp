// Dawn behind the port, on whatever adapter the machine has (lavapipe in the reference environment); none is a failure.
#include "host/native/dawn_gpu.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "backend/fake_backend.h"
#include "backend/quirks.h"
#include "backend/webgpu/gpu_backend.h"
#include "graph/test_symbols.h"
#include "host/native/compute.h"

namespace ipfs_accelerate::host {
namespace {

using webgpu::GpuBackend;

/// A Dawn device with its loop, and the backend on it without any check.
struct Opened {
  explicit Opened(DawnOptions options = {}) : gpu(loop, std::move(options)) {
    auto made = loop.block_on(GpuBackend::open_unchecked(gpu));
    EXPECT_TRUE(made) << made.error().message;
    if (made) backend = *std::move(made);
  }
  Result<std::unique_ptr<Program>> load(const Graph& graph, LoadOptions options = {}) {
    return loop.block_on(backend->load(graph, options, Stop()));
  }
  Loop loop;
  DawnGpu gpu;
  std::unique_ptr<GpuBackend> backend;
};

constexpr std::int64_t kWidth = 64;

/// y = x * 2 through one linear of the identity matrix; what a "reference" can compute without another backend.
Graph doubling() {
  TestBuilder b;
  const ValueId x = b.input("x", Dtype::kF32, {kBatchDim, kSequenceDim, dim(kWidth)});
  b.output(b.add("double", op::Linear{.x = x, .weight = b.weight("w", {kWidth, kWidth})}), "y");
  return *b.finish();
}

std::vector<float> diagonal() {
  std::vector<float> w(kWidth * kWidth);
  for (std::int64_t i = 0; i < kWidth; ++i) w[i * kWidth + i] = 2.0f;
  return w;
}

/// Two linears in a row, so that the second reads f16.
Graph chained() {
  TestBuilder b;
  ValueId x = b.input("x", Dtype::kF32, {kBatchDim, kSequenceDim, dim(kWidth)});
  for (const char* name : {"a", "b"}) x = b.add(name, op::Linear{.x = x, .weight = b.weight(name, {kWidth, kWidth})});
  b.output(x, "y");
  return *b.finish();
}

ByteView bytes_of(const std::vector<float>& values) {
  return {reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * 4};
}

TEST(Dawn, ListsRealFacts) {
  Loop loop;
  DawnGpu gpu(loop);
  const auto devices = loop.block_on(gpu.list());
  ASSERT_TRUE(devices) << devices.error().message;
  for (const DeviceInfo& device : *devices) {
    EXPECT_EQ(device.platform, "webgpu");
    EXPECT_FALSE(device.name.empty());
    for (const auto& [name, value] : device.limits) EXPECT_GE(value, 0) << name;
    if (device.name.find("llvmpipe") != std::string::npos) EXPECT_FALSE(device.is_real_hardware);
  }
}

TEST(Dawn, ADeviceCanWhatItsFactsSay) {
  Loop loop;
  DawnGpu gpu(loop);
  const auto opened = loop.block_on(gpu.open(Stop()));
  ASSERT_TRUE(opened) << opened.error().message;
  const auto& [info, can] = *opened;
  const std::map<std::string, std::int64_t> limits(info.limits.begin(), info.limits.end());
  EXPECT_EQ(limits.at("maxBufferSize"), can.max_buffer);
  EXPECT_EQ(limits.at("maxStorageBufferBindingSize"), can.max_storage_binding);
  EXPECT_EQ(limits.at("maxComputeWorkgroupStorageSize"), can.max_workgroup_storage);
  EXPECT_EQ(limits.at("maxComputeInvocationsPerWorkgroup"), can.max_workgroup_invocations);
  EXPECT_EQ(limits.at("maxComputeWorkgroupsPerDimension"), can.max_workgroups_per_dimension);
  EXPECT_EQ(std::ranges::contains(info.features, "shader-f16"), can.shader_f16);
  ASSERT_EQ(std::ranges::contains(info.features, "subgroups"), can.subgroups);
  if (can.subgroups) EXPECT_EQ(limits.at("subgroupMaxSize"), can.subgroup_max_size);
}

TEST(Dawn, RunsRepeatedlyAndInSeveralShapes) {
  Opened opened;
  const auto program = opened.load(doubling());
  ASSERT_TRUE(program) << program.error().message;
  const auto weights = diagonal();
  const WeightPart part{Dtype::kF32, {kWidth, kWidth}, bytes_of(weights)};
  ASSERT_TRUE(opened.loop.block_on((*program)->upload({0}, {part}, Stop())));
  EXPECT_EQ((*program)->weight_bytes(), kWidth * kWidth * 4);
  for (const std::int64_t sequence : {1, 7, 33, 200}) {
    const auto executable = opened.loop.block_on((*program)->compile(usual_shape(1, sequence), Stop()));
    ASSERT_TRUE(executable) << executable.error().message;
    std::vector<float> x(sequence * kWidth), y(x.size());
    for (int run = 0; run < 3; ++run) {
      for (std::size_t i = 0; i < x.size(); ++i) x[i] = float(i % 97) + float(run);
      std::ranges::fill(y, std::nanf(""));
      const TensorRef input{Dtype::kF32, bytes_of(x)};
      const MutableTensorRef output{Dtype::kF32, {reinterpret_cast<std::uint8_t*>(y.data()), y.size() * 4}};
      ASSERT_TRUE(opened.loop.block_on((*executable)->run({input}, {output}, Stop())));
      for (std::size_t i = 0; i < x.size(); ++i) ASSERT_EQ(y[i], 2 * x[i]) << i;
    }
  }
}

TEST(Dawn, BrokenShadersAreNamed) {
  Opened opened;
  webgpu::Recording recording;
  recording.pipelines = {{"broken", "this is no shader", {webgpu::BindingType::kStorage}}};
  const auto made = opened.loop.block_on(opened.gpu.plan(recording, {}, Stop()));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kShaderCompile);
  EXPECT_NE(made.error().message.find("broken"), std::string::npos);
  EXPECT_TRUE(opened.gpu.lost().empty()) << "a refused shader must not spoil the device";
}

Result<> lose(DawnDevice& device) {
  device.device.ForceLoss(wgpu::DeviceLostReason::Unknown, "on purpose");
  return {};
}

TEST(Dawn, AStopBeginsNoPipeline) {
  Opened opened;
  webgpu::Recording recording;
  recording.pipelines = {{"broken", "this is no shader", {webgpu::BindingType::kStorage}}};
  const Stop stop;
  stop.request();
  EXPECT_EQ(opened.loop.block_on(opened.gpu.plan(recording, {}, stop)).error().code, ErrorCode::kCancelled);
  ASSERT_TRUE(opened.loop.block_on(opened.gpu.with_device([&](DawnDevice& device) -> Result<> {
    EXPECT_EQ(device.pipelines(recording.pipelines, stop).error().code, ErrorCode::kCancelled);
    return {};
  })));
  EXPECT_EQ(opened.loop.block_on(opened.gpu.open(stop)).error().code, ErrorCode::kCancelled);
  EXPECT_TRUE(opened.gpu.lost().empty());
}

TEST(Dawn, MorePipelinesThanThreads) {
  Opened opened;
  std::vector<webgpu::PipelineSpec> specs;
  for (int i = 0; i < 100; ++i) {
    const std::string wgsl = std::format(
        "@group(0) @binding(0) var<storage, read_write> x: array<f32>;"
        "@compute @workgroup_size(1) fn main() {{ x[0] = {}.0; }}",
        i);
    specs.push_back({std::format("number {}", i), wgsl, {webgpu::BindingType::kStorage}});
  }
  ASSERT_TRUE(opened.loop.block_on(opened.gpu.with_device([&](DawnDevice& device) -> Result<> {
    const auto made = device.pipelines(specs, Stop());
    EXPECT_TRUE(made && made->size() == specs.size());
    return {};
  })));
}

TEST(Dawn, LostDevicesAreReportedAndOpenAgain) {
  Opened opened;
  const auto program = opened.load(doubling());
  ASSERT_TRUE(program);
  ASSERT_TRUE(opened.loop.block_on(opened.gpu.with_device(lose)));
  EXPECT_NE(opened.gpu.lost().find("on purpose"), std::string::npos);
  const auto weights = diagonal();
  const WeightPart part{Dtype::kF32, {kWidth, kWidth}, bytes_of(weights)};
  const auto uploaded = opened.loop.block_on((*program)->upload({0}, {part}, Stop()));
  ASSERT_FALSE(uploaded);
  EXPECT_EQ(uploaded.error().code, ErrorCode::kDeviceLost);
  ASSERT_TRUE(opened.loop.block_on(opened.gpu.open(Stop())));
  EXPECT_TRUE(opened.gpu.lost().empty());
  EXPECT_TRUE(opened.loop.block_on((*program)->upload({0}, {part}, Stop())));
}

constexpr const char* kCopy = R"(
    @group(0) @binding(0) var<storage, read> w: array<f32>;
    @group(0) @binding(1) var<storage, read_write> y: array<f32>;
    @compute @workgroup_size(16) fn main(@builtin(global_invocation_id) id: vec3u) { y[id.x] = w[id.x]; })";

/// y = w, for a weight of 16 numbers.
webgpu::Recording copying() {
  using webgpu::BindingType;
  using webgpu::BufferKind;
  webgpu::Recording recording;
  recording.buffers = {{.kind = BufferKind::kWeight, .bytes = 64, .index = 0, .elements = 16},
                       {.kind = BufferKind::kOutput, .bytes = 64, .index = 0, .elements = 16}};
  recording.pipelines = {{"copy", kCopy, {BindingType::kReadOnlyStorage, BindingType::kStorage}}};
  recording.dispatches = {{0, {{0, 0, 64}, {1, 0, 64}}, {1, 1, 1}, "copy"}};
  recording.readback_bytes = 64;
  return recording;
}

/// The smallest model there is: what it was made of comes out.
struct Copying {
  webgpu::BufferId weight = 0;
  webgpu::PlanId plan = 0;

  static Result<Copying> load(Opened& opened, float value) {
    const std::vector<float> numbers(16, value);
    IA_ASSIGN(const auto weight,
              opened.loop.block_on(opened.gpu.buffer(std::int64_t(bytes_of(numbers).size()), bytes_of(numbers))));
    IA_ASSIGN(const auto plan, opened.loop.block_on(opened.gpu.plan(copying(), {weight}, Stop())));
    return Copying{weight, plan.id};
  }
  Result<float> run(Opened& opened) const {
    std::vector<float> y(16, -1);
    const std::span<std::uint8_t> out(reinterpret_cast<std::uint8_t*>(y.data()), 64);
    IA_TRY(opened.loop.block_on(opened.gpu.submit(plan, {}, {out})));
    return y[15];
  }
};

TEST(Dawn, IdsOfALostDeviceNeverNameAnotherModelsBuffers) {
  Opened opened;
  const auto one = Copying::load(opened, 1), two = Copying::load(opened, 2);
  ASSERT_TRUE(one && two);
  EXPECT_EQ(two->run(opened).value(), 2);
  ASSERT_TRUE(opened.loop.block_on(opened.gpu.with_device(lose)));
  EXPECT_EQ(one->run(opened).error().code, ErrorCode::kDeviceLost);  // before it is opened again
  EXPECT_EQ(Copying::load(opened, 3).error().code, ErrorCode::kDeviceLost);
  ASSERT_TRUE(opened.loop.block_on(opened.gpu.open(Stop())));
  const auto three = Copying::load(opened, 3), four = Copying::load(opened, 4);
  ASSERT_TRUE(three && four);
  for (const Copying& old : {*one, *two}) {
    EXPECT_EQ(old.run(opened).error().code, ErrorCode::kDeviceLost);
    EXPECT_EQ(opened.loop.block_on(opened.gpu.plan(copying(), {old.weight}, Stop())).error().code,
              ErrorCode::kDeviceLost);
    opened.gpu.drop_plan(old.plan);
    opened.gpu.drop_buffer(old.weight);
  }
  EXPECT_EQ(three->run(opened).value(), 3);
  EXPECT_EQ(four->run(opened).value(), 4);
  EXPECT_TRUE(opened.loop.block_on(opened.gpu.plan(copying(), {three->weight}, Stop())));
}

// The callbacks of those that are being compiled write into the frame of whoever asked for them.
TEST(Dawn, ARefusedShaderWaitsForThoseBeforeIt) {
  Opened opened;
  ASSERT_TRUE(opened.loop.block_on(opened.gpu.with_device([](DawnDevice& device) -> Result<> {
    std::vector<webgpu::PipelineSpec> specs;
    for (int i = 0; i < 4; ++i) {
      specs.push_back(copying().pipelines[0]);
      specs.back().wgsl += std::format("// number {}", i);
    }
    specs.push_back({"broken", "this is no shader", {}});
    const auto refused = device.pipelines(specs, Stop());
    EXPECT_TRUE(!refused && refused.error().code == ErrorCode::kShaderCompile);
    // They ended: each is found by its text, although with these bindings it could not be made.
    for (webgpu::PipelineSpec& spec : specs) spec.binding_types.clear();
    specs.pop_back();
    const auto found = device.pipelines(specs, Stop());
    EXPECT_TRUE(found) << found.error().message;
    return {};
  })));
  EXPECT_TRUE(opened.gpu.lost().empty());
}

// An error of something else comes while a result is read: the next run finds its staging buffer free.
TEST(Dawn, AFailedReadLeavesThePlanUsable) {
  Opened opened;
  for (int round = 0; round < 5; ++round) {
    ASSERT_TRUE(opened.loop.block_on(opened.gpu.with_device([](DawnDevice& device) -> Result<> {
      IA_ASSIGN(const wgpu::Buffer weight, make_buffer(device, webgpu::BufferKind::kWeight, 64));
      IA_ASSIGN(const auto plan, DawnPlan::make(device, copying(), {weight}, Stop()));
      wgpu::BufferDescriptor big;
      big.size = 64 << 20;
      big.usage = wgpu::BufferUsage::CopySrc | wgpu::BufferUsage::CopyDst;
      const wgpu::Buffer from = device.device.CreateBuffer(&big), to = device.device.CreateBuffer(&big);
      const wgpu::CommandEncoder encoder = device.device.CreateCommandEncoder();
      encoder.CopyBufferToBuffer(from, 0, to, 0, big.size);
      const wgpu::CommandBuffer commands = encoder.Finish();
      device.queue.Submit(1, &commands);
      device.queue.OnSubmittedWorkDone(wgpu::CallbackMode::AllowSpontaneous,
                                       [&device](wgpu::QueueWorkDoneStatus, wgpu::StringView) {
                                         device.device.InjectError(wgpu::ErrorType::Validation, "on purpose");
                                       });
      std::vector<float> y(16, -1);
      const std::vector<std::span<std::uint8_t>> out{{reinterpret_cast<std::uint8_t*>(y.data()), 64}};
      const auto failed = plan->run(device, {}, out);
      EXPECT_FALSE(failed);
      if (!failed) EXPECT_NE(failed.error().message.find("on purpose"), std::string::npos) << failed.error().message;
      EXPECT_EQ(y[0], -1);
      const auto again = plan->run(device, {}, out);
      EXPECT_TRUE(again) << again.error().message;
      EXPECT_EQ(y[0], 0);
      return {};
    })));
  }
}

TEST(Dawn, FeaturesCanBeSwitchedOff) {
  Opened opened({.toggles = {}, .switched_off = {"shader-f16", "subgroups"}, .tuning = {}});
  EXPECT_FALSE(opened.backend->capabilities().shader_f16);
  EXPECT_FALSE(opened.backend->capabilities().subgroups);
  EXPECT_FALSE(opened.backend->device().switched_off.empty());
}

/// What can be seen of each quirk that this program obeys; a row without a line here fails the test below.
std::string seen_of(const std::string& name) {
  if (name == "refuse_null_backend") {
    Loop loop;
    DawnGpu gpu(loop);
    const auto devices = loop.block_on(gpu.list());
    return std::to_string(devices ? devices->size() : 0) + " adapters";
  }
  if (name == "nvidia_f16_toggle") return std::to_string(adapter_toggles().size()) + " toggles";
  if (name == "poll_for_results") {
    Opened opened({.toggles = {}, .switched_off = {}, .tuning = {}, .poll_ms = 3});
    std::string seen;
    EXPECT_TRUE(opened.loop.block_on(opened.gpu.with_device([&](DawnDevice& device) -> Result<> {
      seen = std::to_string(device.poll_ms()) + " ms";
      return {};
    })));
    return seen;
  }
  if (name == "spell_out_subgroup_matrix_zero") {
    const webgpu::Capabilities matrices{.shader_f16 = true,
                                        .subgroups = true,
                                        .subgroup_min_size = 32,
                                        .subgroup_max_size = 32,
                                        .subgroup_matrix = 16,
                                        .max_workgroup_storage = 49152,
                                        .max_workgroup_invocations = 1024,
                                        .tuning = {}};
    std::string seen;
    for (const auto& pipeline : record(chained(), usual_shape(1, 32), matrices, {.precision = 16})->pipelines) {
      seen += pipeline.wgsl;
    }
    return seen;
  }
  return "";
}

TEST(Quirks, EveryRowMakesADifference) {
  for (const std::string& name : quirk_names()) {
    std::string with, without;
    {
      const ForcedQuirk on(name, true);
      with = seen_of(name);
    }
    {
      const ForcedQuirk off(name, false);
      without = seen_of(name);
    }
    EXPECT_FALSE(with.empty()) << "nothing obeys " << name;
    EXPECT_NE(with, without) << name;
  }
}

/// Attention with mask and position bias between two linears, so that its values are f16 at precision 16.
Graph attention_chain() {
  TestBuilder b;
  const ValueId x = b.input("x", Dtype::kF32, {kBatchDim, kSequenceDim, dim(kWidth)});
  const ValueId mask = b.input("mask", Dtype::kI32, {kBatchDim, kSequenceDim});
  const ValueId bias = b.add("bias", op::RelativeBias{.table = b.weight("table", {32, 2}), .length = kSequenceDim});
  const ValueId h = b.add("in", op::Linear{.x = x, .weight = b.weight("in", {kWidth, kWidth})});
  const ValueId qkv = b.add("qkv", op::Linear{.x = h, .weight = b.weight("qkv", {3 * kWidth, kWidth})});
  const ValueId mixed = b.add("attention", masked_attention(qkv, mask, 2, 32, bias));
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

Async<std::vector<float>> run_chain(Backend& backend, int precision, ShapeClass shape) {
  const Graph graph = attention_chain();
  const auto program = co_await backend.load(graph, {.precision = precision}, Stop());
  for (std::size_t id = 0; id < graph.weights.size(); ++id) {
    const Shape& dims = graph.weights[id].shape;
    const auto values = noise(dims[0] * dims[1], dims[1] == 2 ? 1.0f : 0.2f, std::uint32_t(id + 5));
    const WeightPart part{Dtype::kF32, dims, bytes_of(values)};
    co_await program->upload({std::int32_t(id)}, {part}, Stop());
  }
  const auto executable = co_await program->compile(shape, Stop());
  const std::int64_t tokens = shape.at(kBatch) * shape.at(kSequence);
  const auto x = noise(tokens * kWidth, 2.0f, 99);
  std::vector<std::int32_t> mask(tokens);
  for (std::int64_t i = 0; i < tokens; ++i)
    mask[i] = i / shape.at(kSequence) == 1 ? 0 : i % 11 != 3;  // one sequence wholly masked
  std::vector<float> y(x.size(), std::nanf(""));
  const std::vector<TensorRef> inputs{
      {Dtype::kF32, bytes_of(x)}, {Dtype::kI32, {reinterpret_cast<const std::uint8_t*>(mask.data()), mask.size() * 4}}};
  const MutableTensorRef output{Dtype::kF32, {reinterpret_cast<std::uint8_t*>(y.data()), y.size() * 4}};
  for (int run = 0; run < 2; ++run) co_await executable->run(inputs, {output}, Stop());
  co_return y;
}

TEST(Dawn, F16AndMatrixKernelsAgreeWithPlainOnes) {
  Opened all, plain({.toggles = {}, .switched_off = {"subgroups", "shader-f16"}, .tuning = {}});
  // One step of keys, several, and rows that fill no tile.
  for (const ShapeClass& shape : {usual_shape(2, 40), usual_shape(3, 77), usual_shape(1, 261)}) {
    const auto expected = plain.loop.block_on(run_chain(*plain.backend, 32, shape));
    ASSERT_TRUE(expected) << expected.error().message;
    for (const int precision : {32, 16}) {
      const auto got = all.loop.block_on(run_chain(*all.backend, precision, shape));
      ASSERT_TRUE(got) << got.error().message;
      double worst = 0;
      for (std::size_t i = 0; i < expected->size(); ++i) {
        const double difference = std::abs((*got)[i] - (*expected)[i]);
        worst = std::isnan(worst) || difference <= worst ? worst : difference;
      }
      EXPECT_LT(worst, precision == 16 ? 2e-2 : 1e-4) << shape.text() << " at " << precision;
    }
  }
}

TEST(Dawn, WrongNumbersRefuseTheDevice) {
  Loop loop;
  DawnGpu gpu(loop);
  NativeCompute compute(loop, 1);
  FakeBackend wrong(3.0f);
  const auto backend = loop.block_on(webgpu::make_backend(gpu, wrong, &compute, Stop()));
  ASSERT_FALSE(backend);
  EXPECT_EQ(backend.error().code, ErrorCode::kSelfCheckFailed);
}

}  // namespace
}  // namespace ipfs_accelerate::host
