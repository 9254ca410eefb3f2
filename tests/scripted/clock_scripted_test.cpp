// The scripted clock: a nap that is cut short leaves nothing behind that would move time later.
#include <gtest/gtest.h>

#include "scripted/scripted_host.h"

namespace ipfs_accelerate::scripted {
namespace {

TEST(ScriptedClock, ANapCutShortWakesNobodyLater) {
  ScriptedHost host;
  const Stop stop;
  host.at(1, [stop] { stop.request(); });
  EXPECT_EQ(host.run(host.host().clock.sleep(100, stop)).error().code, ErrorCode::kCancelled);
  EXPECT_EQ(host.now(), 1);
  const Reply<> never;
  EXPECT_EQ(host.run(never.get()).error().code, ErrorCode::kInternal);
  EXPECT_EQ(host.now(), 1);
  never.settle({});  // its frames go
  EXPECT_TRUE(host.run(host.host().clock.sleep(0, Stop())));
}

TEST(ScriptedClock, AStopAfterTheNapChangesNothing) {
  ScriptedHost host;
  const Stop stop;
  const auto nap_then_more = [&]() -> Async<> {
    co_await host.host().clock.sleep(1, stop);
    stop.request();
    co_await host.host().clock.sleep(2, Stop());
  };
  EXPECT_TRUE(host.run(nap_then_more()));
  EXPECT_EQ(host.now(), 3);
}

}  // namespace
}  // namespace ipfs_accelerate::scripted
