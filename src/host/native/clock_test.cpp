// The native clock's sleep: it ends once, by time or by its stop, and nobody is woken for a sleeper that is gone.
#include "host/native/clock.h"

#include <gtest/gtest.h>

#include "host/native/compute.h"

namespace ipfs_accelerate::host {
namespace {

using namespace std::chrono_literals;

TEST(NativeClock, ASleepIsCutShort) {
  Loop loop;
  NativeClock clock(loop);
  const Stop stop;
  loop.post([stop] { stop.request(); });
  const double begin = clock.now();
  EXPECT_EQ(loop.block_on(clock.sleep(60, stop)).error().code, ErrorCode::kCancelled);
  EXPECT_LT(clock.now() - begin, 30);
  EXPECT_EQ(loop.block_on(clock.sleep(60, stop)).error().code, ErrorCode::kCancelled);  // before it began
}

/// Two sleepers; the first is over and not yet resumed when it is stopped. That stop must not touch the second, which
/// may lie in the same place of the clock's table.
TEST(NativeClock, AStopThatComesLateWakesNobody) {
  Loop loop;
  NativeClock clock(loop);
  NativeCompute compute(loop, 1);
  const Stop first;
  std::vector<std::string> ended;
  const auto begin = [&](const char* name, double seconds, const Stop& stop) {
    start(loop.executor(), clock.sleep(seconds, stop),
          [&, name](const Result<>& done) { ended.push_back(std::string(name) + (done ? " slept" : " cancelled")); });
  };
  // What is ready runs before answers from outside are looked at, so the first sleeper stays asleep for all of this.
  const auto then = [](std::function<void()> work) -> Async<> {
    work();
    co_return;
  };
  const auto next = [&](std::function<void()> work) {
    start(loop.executor(), then(std::move(work)), [](const Result<>&) {});
  };
  loop.post([&] {
    begin("first", 0.001, first);
    next([] { std::this_thread::sleep_for(50ms); });
    next([&] { begin("second", 0.05, Stop()); });
    next([&] { next([&] { first.request(); }); });
  });
  const auto all_ended = [&]() -> Async<> {
    for (int i = 0; i < 100 && ended.size() < 2; ++i) co_await clock.sleep(0.02, Stop());
  };
  EXPECT_TRUE(loop.block_on(all_ended()));
  EXPECT_EQ(ended, (std::vector<std::string>{"first slept", "second slept"}));
  // A wake too many would have kept a promise that was never made, and closing would not wait for this.
  bool worked = false;
  loop.post([&] {
    const auto work = []() -> Result<> {
      std::this_thread::sleep_for(50ms);
      return {};
    };
    start(loop.executor(), compute.offload(work, Stop()), [&](const Result<>&) { worked = true; });
  });
  loop.close();
  EXPECT_TRUE(worked);
}

TEST(NativeClock, ManySleepersAndStopsAllEnd) {
  Loop loop;
  NativeClock clock(loop);
  int slept = 0, cancelled = 0;
  std::vector<Stop> stops(200);
  const auto nap = [&](std::size_t i) -> Async<> {
    const Result<> done = co_await as_result(clock.sleep(i % 3 == 0 ? 60 : 0.0005 * double(i % 7), stops[i]));
    ++(done ? slept : cancelled);
    if (i + 1 < stops.size()) stops[i + 1].request();
  };
  stops[0].request();
  EXPECT_TRUE(loop.block_on(for_each_limited(stops.size(), stops.size(), nap)));
  EXPECT_EQ(slept + cancelled, 200);
  EXPECT_GE(cancelled, 66);  // those of 60 s
}

}  // namespace
}  // namespace ipfs_accelerate::host
