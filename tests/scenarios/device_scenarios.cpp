// Devices that go away: before any work, at a submission, under two models.
#include "scenarios/scripted_gpu.h"

namespace ipfs_accelerate::scripted {
namespace {

bool on(const Result<RunResult>& result, const std::string& platform) { return result && result->platform == platform; }

}  // namespace

/// The self-check fails on it: no model gets that far.
void lost_device(std::vector<Outcome>& outcomes) {
  Story story("a device that is lost", outcomes);
  for (const bool allowed : {true, false}) {
    GpuWorld world;
    world.gpu.lose_at = 0;
    Core core(world.ports);
    const auto result =
        story.run(world, core, allowed ? "fallback allowed" : "fallback refused", world.on_gpu(world.model, allowed));
    if (allowed) {
      story.require(on(result, "cpu") && !result->fallback.empty(), "the CPU helps, and it is said");
    } else {
      story.expect(result, ErrorCode::kDeviceLost);
    }
  }
}

/// The same call again works: the device is opened anew, the model loaded anew.
void lost_at_submit(std::vector<Outcome>& outcomes) {
  Story story("a device that is lost at a submission, then the same call", outcomes);
  for (const bool allowed : {true, false}) {
    GpuWorld world;
    Core core(world.ports);
    const Request request = world.on_gpu(world.model, allowed);
    const auto first = story.run(world, core, allowed ? "fallback allowed" : "fallback refused", request);
    story.require(on(first, "webgpu") && first->fallback.empty(), "it runs on the device");
    world.gpu.lose_at = world.gpu.submissions;
    const auto lost = story.run(world, core, "lost", request);
    if (allowed) {
      story.require(on(lost, "cpu") && lost->fallback.contains("lost"), "the CPU helps, and it is said");
    } else {
      story.expect(lost, ErrorCode::kDeviceLost);
    }
    const auto again = story.run(world, core, "the same call", request);
    story.require(on(again, "webgpu") && again->fallback.empty(), "the device is used again");
    story.require(first && again && first->answers == again->answers, "the same numbers");
    story.require(world.gpu.opened == 2, "it was opened again, once");
  }
}

/// The device stays, yet what is on it is not trusted any more.
void failed_at_submit(std::vector<Outcome>& outcomes) {
  Story story("a submission that fails, then the same call", outcomes);
  GpuWorld world;
  Core core(world.ports);
  const Request request = world.on_gpu(world.model, false);
  const auto first = story.run(world, core, "first", request);
  const std::size_t buffers = world.gpu.buffers();
  world.gpu.fail_at = world.gpu.submissions;
  story.expect(story.run(world, core, "failing", request), ErrorCode::kOutOfMemory);
  story.require(world.gpu.buffers() == 0, "the model is not kept");
  const auto again = story.run(world, core, "the same call", request);
  story.require(again && world.read_anew() && world.gpu.buffers() == buffers, "it is loaded anew");
  story.require(first && again && first->answers == again->answers, "the same numbers");
  story.require(world.gpu.opened == 1, "the device stayed open");
}

/// Neither model may get at the other's buffers, whichever is asked for first.
void lost_under_two_models(std::vector<Outcome>& outcomes) {
  Story story("a device that is lost under two models", outcomes);
  GpuWorld world;
  Core core(world.ports);
  const Request one = world.on_gpu(world.model, false), two = world.on_gpu(world.other, false);
  const auto first = story.run(world, core, "one", one), second = story.run(world, core, "two", two);
  story.require(on(first, "webgpu") && on(second, "webgpu"), "both run on the device");
  story.require(first && second && first->answers != second->answers, "they are two models");
  const std::size_t buffers = world.gpu.buffers();
  world.gpu.lose_at = world.gpu.submissions;
  story.expect(story.run(world, core, "one, when the device goes", one), ErrorCode::kDeviceLost);
  const auto two_again = story.run(world, core, "two", two), one_again = story.run(world, core, "one", one);
  story.require(second && two_again && second->answers == two_again->answers, "two gives its numbers");
  story.require(first && one_again && first->answers == one_again->answers, "one gives its numbers");
  story.require(world.gpu.opened == 2, "it was opened again, once");
  story.require(world.gpu.buffers() == buffers, "nothing of the lost device is held");
}

}  // namespace ipfs_accelerate::scripted
