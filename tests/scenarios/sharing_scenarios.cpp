// Callers that share a load or a loaded model, and stop at any moment: the others get what they asked for, who stopped
// is let go at once, and when nobody is left nothing stays behind.
#include "scenarios/scripted_gpu.h"

namespace ipfs_accelerate::scripted {
namespace {

constexpr const char* kCallers[] = {"one", "two"};

/// Two callers of the same model on the scripted GPU.
struct Pair {
  GpuWorld world;
  Core core{world.ports};
  Request request = world.on_gpu(world.model, false);
  Stop stops[2];
  std::optional<Result<RunResult>> results[2];
  double ended[2] = {};

  /// Both run; those with a bit in `who` stop `after` seconds from now.
  Result<> run(unsigned who, double after) {
    for (int i = 0; i < 2; ++i) {
      if (who >> i & 1) world.host.at(world.host.now() + after, [stop = stops[i]] { stop.request(); });
    }
    return world.host.run(for_each_limited(2, 2, [this](std::size_t i) -> Async<> {
      results[i] = co_await as_result(core.run(request, {Text{"red lamp"}}, {}, stops[i]));
      ended[i] = world.host.now();
    }));
  }
  bool cancelled(int i) const { return !*results[i] && results[i]->error().code == ErrorCode::kCancelled; }
  bool answered(int i) const { return results[i]->has_value(); }
  std::string told(int i) const {
    return std::format("{}: {} at {:.4f}", kCallers[i], Story::told(*results[i]), ended[i]);
  }
};

}  // namespace

/// Each of the two, and both, stop at every moment of the load.
void shared_load(std::vector<Outcome>& outcomes) {
  Story story("two callers, one load", outcomes);
  int stopped[4] = {};
  for (unsigned who = 1; who <= 3; ++who) {
    for (int step = 0; step < 100; ++step) {
      Pair pair;
      const double after = 0.001 + 0.012 * step;
      story.require(pair.run(who, after).has_value(), "both end");
      story.note(std::format("stop {} at {:g}; {}; {}", who, after, pair.told(0), pair.told(1)));
      if (pair.answered(0) && pair.answered(1)) break;  // the stop came too late
      ++stopped[who];
      for (int i = 0; i < 2; ++i) {
        const bool asked = who >> i & 1;
        story.require(asked ? pair.cancelled(i) || pair.answered(i) : pair.answered(i),
                      std::format("caller {} at {:g}: {}", i, after, pair.told(i)));
        if (pair.cancelled(i)) story.require(pair.ended[i] <= after + 1e-9, "who stops is let go at once");
      }
      const int requests = pair.world.host.requests(kGateway);
      if (pair.cancelled(0) && pair.cancelled(1)) {
        story.require(pair.world.gpu.buffers() == 0, "nothing is left on the device");
        story.require(pair.world.host.pinned() == 0, "nothing is pinned in memory");
      }
      pair.world.host.trace.clear();
      const auto next = pair.world.host.run(pair.core.run(pair.request, {Text{"red"}}, {}, Stop()));
      story.require(next.has_value(), "the next call works");
      const bool loaded = pair.answered(0) || pair.answered(1);
      story.require(pair.world.read_anew() != loaded, "the next call loads when nothing is loaded");
      story.require(!loaded || pair.world.host.requests(kGateway) == requests, "what is loaded is found again");
    }
  }
  for (const unsigned who : {1u, 2u, 3u}) story.require(stopped[who] > 3, "there are many moments to stop at");
}

/// A third caller who comes while the second loads in place of the first, who stopped, loads nothing of its own.
void late_caller(std::vector<Outcome>& outcomes) {
  Story story("a third caller of a load that changed hands", outcomes);
  Pair pair, alone;
  const auto buffers_of_one = [&] {
    story.require(alone.world.host.run(alone.core.run(alone.request, {Text{"red"}}, {}, Stop())).has_value(),
                  "it runs");
    return alone.world.gpu.buffers();
  };
  std::optional<Result<RunResult>> third;
  pair.world.host.at(0.02, [&] {
    start(pair.world.ports.executor, pair.core.run(pair.request, {Text{"cold"}}, {}, Stop()),
          [&](Result<RunResult> result) { third = std::move(result); });
  });
  story.require(pair.run(1, 0.01).has_value() && pair.cancelled(0) && pair.answered(1), "the second gets its model");
  (void)pair.world.host.run(pair.world.ports.clock.sleep(1, Stop()));
  story.require(third && *third, "the third gets it too");
  story.require(pair.world.gpu.buffers() == buffers_of_one(), "it was loaded once");
  story.note(std::format("{}; {}; three: {}", pair.told(0), pair.told(1), third ? Story::told(*third) : "nothing"));
}

/// The first is on the device, which cannot be interrupted; the second waits for its turn.
void shared_model(std::vector<Outcome>& outcomes) {
  Story story("two runs of one model", outcomes);
  for (unsigned who = 0; who <= 3; ++who) {
    Pair pair;
    story.require(pair.world.host.run(pair.core.load(pair.request, {}, Stop())).has_value(), "it loads");
    const std::size_t buffers = pair.world.gpu.buffers();
    story.require(buffers > 0, "its weights are on the device");
    pair.world.gpu.seconds = 0.1;
    const double begin = pair.world.host.now();
    story.require(pair.run(who, 0.05).has_value(), "both end");
    story.note(std::format("stop {}; {}; {}", who, pair.told(0), pair.told(1)));
    const double expected[2] = {begin + 0.1, begin + (who & 2 ? 0.05 : 0.2)};
    for (int i = 0; i < 2; ++i) {
      story.require(who >> i & 1 ? pair.cancelled(i) : pair.answered(i), "who did not stop gets its answer");
      story.require(std::abs(pair.ended[i] - expected[i]) < 1e-9, std::format("{} ended when it could", kCallers[i]));
    }
    pair.world.host.trace.clear();
    const auto next = pair.world.host.run(pair.core.run(pair.request, {Text{"red"}}, {}, Stop()));
    story.require(next && !pair.world.read_anew(), "the model is still loaded");
    story.require(pair.world.gpu.buffers() == buffers, "its weights are there once");
    story.require(pair.world.host.run(pair.core.unload(pair.request, Stop())).has_value(), "unloading");
    story.require(pair.world.gpu.buffers() == 0 && pair.world.gpu.plans() == 0, "no run holds on to it");
    story.require(pair.world.host.pinned() == 0, "nothing is pinned in memory");
  }
}

}  // namespace ipfs_accelerate::scripted
