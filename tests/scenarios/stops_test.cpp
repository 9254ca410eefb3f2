// Stops where several requests meet: opening a device together, waiting for a model that is loading or running; and how
// often adapters are listed.
#include <gtest/gtest.h>

#include "engine/core.h"
#include "engine/devices.h"
#include "scripted/scripted_host.h"

namespace ipfs_accelerate::scripted {
namespace {

/// An adapter whose device takes a second to open and then computes nothing: its buffers say kOutOfMemory.
class SlowGpu final : public webgpu::Gpu {
 public:
  explicit SlowGpu(ScriptedHost& script) : script_(script) {}
  Async<std::vector<DeviceInfo>> list() override {
    ++lists;
    co_return std::vector<DeviceInfo>(1, info());
  }
  Async<webgpu::OpenedGpu> open(Stop stop) override {
    ++opens;
    lost_why.clear();
    const auto waited = co_await as_result(script_.host().clock.sleep(1, stop));
    stopped += !waited;
    co_await waited;
    co_return webgpu::OpenedGpu{info(), {}};
  }
  std::string lost() const override { return lost_why; }
  Async<webgpu::BufferId> buffer(std::int64_t, ByteView) override { co_return fail(ErrorCode::kDeviceLost, "gone"); }
  Async<webgpu::MadePlan> plan(webgpu::Recording, std::vector<webgpu::BufferId>, Stop) override {
    co_return fail(ErrorCode::kDeviceLost, "gone");
  }
  Async<> submit(webgpu::PlanId, std::vector<ByteView>, std::vector<std::span<std::uint8_t>>) override {
    co_await fail(ErrorCode::kDeviceLost, "gone");
  }
  void drop_buffer(webgpu::BufferId) override {}
  void drop_plan(webgpu::PlanId) override {}

  bool real = true;
  int lists = 0, opens = 0, stopped = 0;
  std::string lost_why;

 private:
  DeviceInfo info() const {
    DeviceInfo info;
    info.platform = "webgpu";
    info.name = "an adapter";
    info.is_real_hardware = real;
    return info;
  }
  ScriptedHost& script_;
};

struct DeviceStops : testing::Test {
  ScriptedHost script;
  SlowGpu gpu{script};
  host::Host host = [this] {
    host::Host host = script.host();
    host.gpu = &gpu;
    return host;
  }();
  Devices devices{host};

  static Config on(const char* platform, bool fallback = true) {
    Config config;
    config.platform = platform;
    config.allow_fallback = fallback;
    return config;
  }
  struct Told {
    std::string what;
    double at = 0;
  };
  /// Chooses once for each stop, all at once; says how each ended, and when.
  std::vector<Told> choose(const Config& config, std::vector<Stop> stops) {
    std::vector<Told> told(stops.size());
    const auto one = [&](std::size_t i) -> Async<> {
      const auto choice = co_await as_result(devices.choose(config, stops[i]));
      told[i] = {std::string(choice ? choice->preferred->device().platform : error_name(choice.error().code)),
                 script.now()};
    };
    EXPECT_TRUE(script.run(for_each_limited(stops.size(), stops.size(), one)));
    return told;
  }
};

TEST_F(DeviceStops, OneThatStopsDoesNotEndTheOpeningOfAnother) {
  const Stop first;
  script.at(0.5, [first] { first.request(); });
  const auto told = choose(on("webgpu", false), {first, Stop()});
  EXPECT_EQ(told[0].what, "cancelled");
  EXPECT_EQ(told[0].at, 0.5);
  EXPECT_EQ(told[1].what, "device_lost") << "what became of it, not of the first one's wish";
  EXPECT_EQ(told[1].at, 1);
  EXPECT_EQ(gpu.opens, 1);
  EXPECT_EQ(gpu.stopped, 0);
}

TEST_F(DeviceStops, TheLastThatStopsEndsTheOpeningAndNothingIsRefusedLater) {
  const Stop first, second;
  script.at(0.25, [second] { second.request(); });
  script.at(0.5, [first] { first.request(); });
  for (const auto& told : choose(on("webgpu"), {first, second})) EXPECT_EQ(told.what, "cancelled");
  EXPECT_EQ(gpu.stopped, 1);
  EXPECT_EQ(script.now(), 0.5);
  choose(on("webgpu"), {Stop()});
  EXPECT_EQ(gpu.opens, 2);
  EXPECT_EQ(script.now(), 1.5);
}

TEST_F(DeviceStops, AStopIsNoReasonToTakeTheCpu) {
  for (const char* platform : {"auto", "webgpu"}) {
    const Stop stop;
    script.at(script.now() + 0.5, [stop] { stop.request(); });
    EXPECT_EQ(choose(on(platform), {stop})[0].what, "cancelled") << platform;
  }
  const Stop stop;
  stop.request();
  EXPECT_EQ(script.run(devices.describe(stop)).error().code, ErrorCode::kCancelled);
}

TEST_F(DeviceStops, AdaptersAreListedOnceAndAgainAfterALoss) {
  gpu.real = false;
  for (int run = 0; run < 3; ++run) EXPECT_EQ(choose(on("auto"), {Stop()})[0].what, "cpu");
  EXPECT_EQ(gpu.lists, 1);
  gpu.lost_why = "unplugged";
  choose(on("auto"), {Stop()});
  EXPECT_EQ(gpu.lists, 2);
  ASSERT_TRUE(script.run(devices.describe(Stop())));  // whoever asks gets what is there now
  EXPECT_GT(gpu.lists, 2);
}

}  // namespace
}  // namespace ipfs_accelerate::scripted
