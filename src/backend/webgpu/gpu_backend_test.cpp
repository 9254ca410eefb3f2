// The portable WebGPU backend over a port that replays nothing: it answers with the reference's number, or lies.
#include "backend/webgpu/gpu_backend.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "backend/fake_backend.h"
#include "backend/webgpu/gpu_program.h"
#include "base/in_place.h"
#include "graph/test_symbols.h"

namespace ipfs_accelerate::webgpu {
namespace {

constexpr float kAnswer = 0.5f;
constexpr std::string_view kMatrix = "chromium-experimental-subgroup-matrix";

class FakeGpu final : public Gpu {
 public:
  bool real = true;
  std::string lost_why;
  std::string broken_text;                                       ///< WGSL with this in it does not compile
  std::function<bool(const std::string& wgsl, bool half)> lies;  ///< about plans with such a shader
  std::map<BufferId, Bytes> buffers;
  std::map<PlanId, Recording> plans;
  bool one_nan = false;  ///< the first number of every output is none
  int submissions = 0, made_plans = 0;
  std::optional<Stop> stops;  ///< requested by the plan with this number
  int stop_at_plan = 0;

  Async<std::vector<DeviceInfo>> list() override { co_return std::vector{facts()}; }
  Async<OpenedGpu> open(Stop stop) override {
    co_await stop.check();
    lost_why.clear();
    co_return OpenedGpu{facts(),
                        {.shader_f16 = true,
                         .subgroups = true,
                         .subgroup_min_size = 32,
                         .subgroup_max_size = 32,
                         .subgroup_matrix = 16,
                         .max_workgroup_storage = 49152,
                         .max_workgroup_invocations = 1024,
                         .tuning = {}}};
  }
  std::string lost() const override { return lost_why; }
  Async<BufferId> buffer(std::int64_t, ByteView bytes) override {
    co_await alive();
    EXPECT_EQ(bytes.size() % 4, 0u);
    buffers[++last_] = Bytes(bytes.begin(), bytes.end());
    co_return last_;
  }
  Async<MadePlan> plan(Recording recording, std::vector<BufferId> weights, Stop stop) override {
    co_await alive();
    if (stops && made_plans == stop_at_plan) {
      stops->request();
      co_await turn();  // whoever waits hears of it before this one looks
    }
    co_await stop.check();
    std::size_t next = 0;
    for (const BufferSpec& spec : recording.buffers) {
      if (!is_kept(spec.kind)) continue;
      const Bytes& kept = buffers.at(weights.at(next++));
      if (spec.kind == BufferKind::kWeight) EXPECT_EQ(std::int64_t(kept.size()), spec.bytes);
    }
    EXPECT_EQ(next, weights.size());
    for (const PipelineSpec& pipeline : recording.pipelines) {
      if (!broken_text.empty() && pipeline.wgsl.contains(broken_text)) {
        co_await fail(ErrorCode::kShaderCompile, "kernel {} does not compile", pipeline.label);
      }
    }
    ++made_plans;
    const std::int64_t bytes = recording.activation_bytes;
    plans[++last_] = std::move(recording);
    co_return MadePlan{last_, bytes};
  }
  Async<> submit(PlanId plan, std::vector<ByteView> inputs, std::vector<std::span<std::uint8_t>> outputs) override {
    co_await alive();
    ++submissions;
    const Recording& recording = plans.at(plan);
    bool half = false, lie = false;
    for (const BufferSpec& spec : recording.buffers) half = half || spec.dtype == Dtype::kF16;
    for (const PipelineSpec& pipeline : recording.pipelines) lie = lie || (lies && lies(pipeline.wgsl, half));
    const float answer = lie ? -kAnswer : kAnswer;
    for (const BufferSpec& spec : recording.buffers) {
      if (spec.kind == BufferKind::kInput) EXPECT_EQ(inputs.at(spec.index).size(), std::size_t(spec.elements) * 4);
      if (spec.kind != BufferKind::kOutput) continue;
      const std::span<std::uint8_t> out = outputs.at(spec.index);
      EXPECT_EQ(out.size(), std::size_t(spec.elements) * (spec.dtype == Dtype::kF16 ? 2 : 4));
      if (spec.dtype == Dtype::kF16) {
        std::ranges::fill(std::span(reinterpret_cast<std::uint16_t*>(out.data()), out.size() / 2), f32_to_f16(answer));
      } else {
        FakeBackend::fill(out, answer);
        if (one_nan) FakeBackend::fill(out.first(4), std::nanf(""));
      }
    }
  }
  void drop_buffer(BufferId buffer) override { buffers.erase(buffer); }
  void drop_plan(PlanId plan) override { plans.erase(plan); }

 private:
  DeviceInfo facts() const {
    DeviceInfo info;
    info.platform = "webgpu";
    info.name = "Fake";
    info.browser = "firefox";
    info.is_real_hardware = real;
    return info;
  }
  Async<> alive() {
    if (!lost_why.empty()) co_await fail(ErrorCode::kDeviceLost, "Fake is lost: {}", lost_why);
  }
  static Async<> turn() {
    Executor& executor = co_await this_executor();
    const Reply<> reply;
    const auto settle = [](Reply<> reply) -> Async<> {
      reply.settle({});
      co_return;
    };
    start(executor, settle(reply), [](const Result<>&) {});
    co_await reply.get();
  }
  std::int32_t last_ = 0;
};

struct Fixture : testing::Test {
  FakeGpu gpu;
  FakeBackend reference{kAnswer};
  Result<std::unique_ptr<Backend>> open() { return run_in_place(make_backend(gpu, reference, nullptr, Stop())); }
};
using GpuBackendTest = Fixture;

Graph one_linear() {
  TestBuilder b;
  const ValueId x = b.input("x", Dtype::kF32, {kBatchDim, kSequenceDim, dim(32)});
  const ValueId h = b.add("a", op::Linear{.x = x, .weight = b.weight("w", {32, 32})});
  b.output(h, "h");
  b.output(b.add("b", op::Linear{.x = h, .weight = b.weight("w", {32, 32})}), "y");
  return *b.finish();
}

TEST_F(GpuBackendTest, ASoundDeviceKeepsEverything) {
  const auto backend = open();
  ASSERT_TRUE(backend) << backend.error().message;
  EXPECT_TRUE((*backend)->device().switched_off.empty());
  EXPECT_TRUE(gpu.plans.empty());  // the check leaves nothing behind
  EXPECT_TRUE(gpu.buffers.empty());
}

TEST_F(GpuBackendTest, KernelsAreChosenForTheirDeviceAndBrowser) {
  const auto backend = run_in_place(GpuBackend::open_unchecked(gpu));
  ASSERT_TRUE(backend);
  EXPECT_EQ((*backend)->capabilities().device.name, "Fake");
  EXPECT_EQ((*backend)->capabilities().device.browser, "firefox");
}

TEST_F(GpuBackendTest, WrongNumbersRefuseTheDevice) {
  gpu.lies = [](const std::string&, bool) { return true; };
  const auto backend = open();
  ASSERT_FALSE(backend);
  EXPECT_EQ(backend.error().code, ErrorCode::kSelfCheckFailed);
  EXPECT_NE(
      backend.error().message.find("Fake computes wrong numbers: embedding of the encoder differs from the CPU by"),
      std::string::npos);
}

TEST_F(GpuBackendTest, OneNumberThatIsNoneRefusesTheDevice) {
  gpu.one_nan = true;
  const auto backend = open();
  ASSERT_FALSE(backend);
  EXPECT_EQ(backend.error().code, ErrorCode::kSelfCheckFailed);
  EXPECT_NE(backend.error().message.find("nan"), std::string::npos) << backend.error().message;
}

TEST_F(GpuBackendTest, SubgroupsThatComputeWrongAreSwitchedOff) {
  gpu.lies = [](const std::string& wgsl, bool) { return wgsl.contains("subgroup_size"); };
  const auto backend = open();
  ASSERT_TRUE(backend) << backend.error().message;
  const Capabilities& left = static_cast<GpuBackend&>(**backend).capabilities();
  EXPECT_FALSE(left.subgroups);
  EXPECT_EQ(left.subgroup_matrix, 0);
  EXPECT_TRUE(left.shader_f16);
  EXPECT_TRUE((*backend)->device().switched_off.front().starts_with("subgroups: embedding of the encoder differs"));
}

TEST_F(GpuBackendTest, MatrixKernelsThatDoNotCompileAreSwitchedOff) {
  gpu.broken_text = "subgroup_matrix_result";
  const auto backend = open();
  ASSERT_TRUE(backend) << backend.error().message;
  const Capabilities& left = static_cast<GpuBackend&>(**backend).capabilities();
  EXPECT_EQ(left.subgroup_matrix, 0);
  EXPECT_TRUE(left.shader_f16 && left.subgroups);
  ASSERT_EQ((*backend)->device().switched_off.size(), 1u);
  EXPECT_TRUE((*backend)->device().switched_off.front().starts_with(kMatrix));
}

TEST_F(GpuBackendTest, F16ThatComputesWrongIsSwitchedOff) {
  gpu.lies = [](const std::string&, bool half) { return half; };
  const auto backend = open();
  ASSERT_TRUE(backend) << backend.error().message;
  EXPECT_FALSE(static_cast<GpuBackend&>(**backend).capabilities().shader_f16);
  EXPECT_EQ((*backend)->device().switched_off.size(), 2u);
  const auto program = run_in_place((*backend)->load(one_linear(), {.precision = 16}, Stop()));
  ASSERT_TRUE(program);
  EXPECT_EQ((*program)->precision(), 32);
}

TEST_F(GpuBackendTest, SoftwareAdaptersCheckF16AtFirstUseAndOnce) {
  gpu.real = false;
  const auto backend = open();
  ASSERT_TRUE(backend) << backend.error().message;
  const int plans = gpu.made_plans;
  ASSERT_TRUE(run_in_place((*backend)->load(one_linear(), {.precision = 32}, Stop())));
  EXPECT_EQ(gpu.made_plans, plans);
  const auto both = [&](std::size_t) -> Async<> { co_await (*backend)->load(one_linear(), {.precision = 16}, Stop()); };
  ASSERT_TRUE(run_in_place(for_each_limited(2, 2, both)));
  EXPECT_EQ(gpu.made_plans, 2 * plans);
}

TEST_F(GpuBackendTest, RunsCheckSizesAndWidenHalves) {
  const auto backend = open();
  ASSERT_TRUE(backend);
  auto program = *run_in_place((*backend)->load(one_linear(), {.precision = 16}, Stop()));
  EXPECT_EQ(program->precision(), 16);
  EXPECT_EQ(run_in_place(program->compile(usual_shape(2, 40), Stop())).error().code, ErrorCode::kMissingWeight);
  const Bytes weight(32 * 32 * 4);
  EXPECT_EQ(run_in_place(program->upload({7}, {}, Stop())).error().code, ErrorCode::kInvalidArgument);
  ASSERT_TRUE(run_in_place(program->upload({0}, {{Dtype::kF32, {32, 32}, weight}}, Stop())));
  EXPECT_EQ(program->weight_bytes(), 32 * 32 * 2);
  auto executable = *run_in_place(program->compile(usual_shape(2, 40), Stop()));
  const auto notes = program->optimizations();
  EXPECT_NE(std::ranges::find(notes, "subgroup matrices"), notes.end());
  program.reset();  // the executable keeps its weights
  EXPECT_EQ(gpu.buffers.size(), 1u);
  const Bytes x(2 * 40 * 32 * 4);
  Bytes h(x.size()), y(x.size());
  const TensorRef input{Dtype::kF32, x};
  const std::vector<MutableTensorRef> outputs{{Dtype::kF32, h}, {Dtype::kF32, y}};
  ASSERT_TRUE(run_in_place(executable->run({input}, outputs, Stop())));
  for (const Bytes* out : {&h, &y}) {  // the first is f16 on the device, the second f32
    float first;
    std::memcpy(&first, out->data(), 4);
    EXPECT_EQ(first, kAnswer);
  }
  const int submissions = gpu.submissions;
  EXPECT_EQ(run_in_place(executable->run({}, outputs, Stop())).error().code, ErrorCode::kInvalidArgument);
  const Stop stop;
  stop.request();
  EXPECT_EQ(run_in_place(executable->run({input}, outputs, stop)).error().code, ErrorCode::kCancelled);
  EXPECT_EQ(gpu.submissions, submissions);
  gpu.lost_why = "unplugged";
  EXPECT_EQ(run_in_place(executable->run({input}, outputs, Stop())).error().code, ErrorCode::kDeviceLost);
  executable.reset();
  EXPECT_TRUE(gpu.buffers.empty() && gpu.plans.empty());
}

TEST_F(GpuBackendTest, AStopDuringTheCheckIsNoWrongNumber) {
  gpu.lies = [](const std::string&, bool half) { return half; };  // so that the f16 part takes several plans
  for (int plan = 0; plan < 6; ++plan) {
    gpu.stops.emplace();
    gpu.stop_at_plan = gpu.made_plans + plan;
    const auto stopped = run_in_place(make_backend(gpu, reference, nullptr, *gpu.stops));
    ASSERT_FALSE(stopped) << plan;
    EXPECT_EQ(stopped.error().code, ErrorCode::kCancelled) << stopped.error().message;
    EXPECT_TRUE(gpu.plans.empty() && gpu.buffers.empty()) << "what was made went";
  }
  gpu.stops.reset();
  EXPECT_TRUE(open());
}

TEST_F(GpuBackendTest, AStopDuringTheLateF16CheckLeavesItForTheNext) {
  gpu.real = false;
  const auto backend = open();
  ASSERT_TRUE(backend);
  const int checked = gpu.made_plans;
  gpu.stops.emplace();
  gpu.stop_at_plan = gpu.made_plans;
  const auto stopped = run_in_place((*backend)->load(one_linear(), {.precision = 16}, *gpu.stops));
  EXPECT_EQ(stopped.error().code, ErrorCode::kCancelled);
  gpu.stops.reset();
  const int plans = gpu.made_plans;
  const auto program = run_in_place((*backend)->load(one_linear(), {.precision = 16}, Stop()));
  ASSERT_TRUE(program);
  EXPECT_EQ((*program)->precision(), 16);
  EXPECT_EQ(gpu.made_plans, plans + checked) << "it is checked now";
}

TEST_F(GpuBackendTest, AStopEndsAnUpload) {
  const auto backend = open();
  ASSERT_TRUE(backend);
  const auto program = *run_in_place((*backend)->load(one_linear(), {}, Stop()));
  const Stop stop;
  stop.request();
  const Bytes weight(32 * 32 * 4);
  EXPECT_EQ(run_in_place(program->upload({0}, {{Dtype::kF32, {32, 32}, weight}}, stop)).error().code,
            ErrorCode::kCancelled);
  EXPECT_TRUE(gpu.buffers.empty());
  EXPECT_EQ(run_in_place((*backend)->load(one_linear(), {}, stop)).error().code, ErrorCode::kCancelled);
}

TEST_F(GpuBackendTest, ADeviceLostDuringTheCheckIsNoWrongNumber) {
  gpu.lies = [&](const std::string&, bool) { return gpu.lost_why = "gone", true; };
  const auto backend = open();
  ASSERT_FALSE(backend);
  EXPECT_EQ(backend.error().code, ErrorCode::kDeviceLost);
}

}  // namespace
}  // namespace ipfs_accelerate::webgpu
