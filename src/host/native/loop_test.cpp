// Loop, Lane and the native Compute: who drives, what waits, what is drained.
#include "host/native/loop.h"

#include <gtest/gtest.h>

#include <atomic>

#include "host/native/compute.h"

namespace ipfs_accelerate::host {
namespace {

using namespace std::chrono_literals;

Async<int> ready(int value) { co_return value; }
Async<int> waiting(Reply<int> reply) { co_return co_await reply.get(); }

TEST(Loop, GivesValuesAndErrors) {
  Loop loop;
  EXPECT_EQ(loop.block_on(ready(3)).value(), 3);
  const auto failing = []() -> Async<> { co_await fail(ErrorCode::kNotFound, "nothing"); };
  EXPECT_EQ(loop.block_on(failing()).error().code, ErrorCode::kNotFound);
}

TEST(Loop, AnotherThreadMayAnswer) {
  Loop loop;
  const Reply<int> reply;
  std::thread other([&] { loop.post([&] { reply.settle(7); }); });
  EXPECT_EQ(loop.block_on(waiting(reply)).value(), 7);
  other.join();
}

// Each thread's work needs what the other thread brings, so neither may keep the loop to itself.
TEST(Loop, TwoThreadsBlockAtOnce) {
  Loop loop;
  for (int round = 0; round < 200; ++round) {
    const Reply<int> first, second;
    const auto give_and_take = [](Reply<int> give, Reply<int> take) -> Async<int> {
      give.settle(1);
      co_return co_await take.get();
    };
    std::thread other([&] { EXPECT_EQ(loop.block_on(give_and_take(first, second)).value(), 1); });
    EXPECT_EQ(loop.block_on(give_and_take(second, first)).value(), 1);
    other.join();
  }
}

TEST(Loop, AWaiterTakesOverWhenTheDriverLeaves) {
  Loop loop;
  const Reply<int> late;
  std::atomic<bool> blocked{false};
  std::thread other([&] {
    blocked = true;
    EXPECT_EQ(loop.block_on(waiting(late)).value(), 2);
  });
  while (!blocked) std::this_thread::yield();
  EXPECT_EQ(loop.block_on(ready(1)).value(), 1);
  loop.post([&] { late.settle(2); });
  other.join();
}

TEST(Loop, WorkMayBlockOnItAgain) {
  Loop loop;
  const auto outer = [&]() -> Async<int> {
    const Result<int> inner = loop.block_on(ready(4));
    co_return 2 * co_await inner;
  };
  EXPECT_EQ(loop.block_on(outer()).value(), 8);
}

TEST(Loop, AThreadOfItsOwnDrives) {
  Loop loop;
  loop.start_thread();
  std::atomic<int> seen{0};
  loop.post([&] { seen = 1; });
  EXPECT_EQ(loop.block_on(ready(5)).value(), 5);
  EXPECT_EQ(seen, 1);
  loop.close();
}

TEST(Loop, ClosingDrains) {
  int ran = 0;
  {
    Loop loop;
    NativeCompute compute(loop, 1);
    loop.post([&] {
      start(loop.executor(), compute.offload([]() -> Result<> { return {}; }, Stop()), [&](const Result<>&) { ++ran; });
    });
    loop.close();
    EXPECT_EQ(ran, 1);
  }
}

/// The thread that carried a call out.
Async<std::thread::id> thread_of(Lane& lane) {
  co_return co_await lane.call<std::thread::id>([] { return std::this_thread::get_id(); });
}

TEST(Lane, AloneTheCallersThreadCarriesTheCallOut) {
  Loop loop;
  Lane lane(loop);
  EXPECT_EQ(loop.block_on(thread_of(lane)).value(), std::this_thread::get_id());
  lane.push([] {});  // the lane's thread lives now, and may still be at it
  bool again = false;
  for (int i = 0; i < 1000 && !again; ++i) again = loop.block_on(thread_of(lane)).value() == std::this_thread::get_id();
  EXPECT_TRUE(again);
}

TEST(Lane, AnExceptionIsAnError) {
  Loop loop;
  Lane lane(loop);
  const auto throwing = [&]() -> Async<int> {
    co_return co_await lane.call<int>([]() -> Result<int> { throw std::bad_alloc(); });
  };
  EXPECT_EQ(loop.block_on(throwing()).error().code, ErrorCode::kOutOfMemory);
  EXPECT_NE(loop.block_on(thread_of(lane)).value(), std::thread::id());  // it goes on
}

TEST(Lane, WhoMustDriveLeavesItToTheLanesThread) {
  Loop loop;
  Lane lane(loop);
  const std::thread::id here = std::this_thread::get_id();
  std::thread::id inside, posted;
  loop.post([&] { inside = loop.block_on(thread_of(lane)).value(); });  // it stands on posted work
  EXPECT_NE(loop.block_on(thread_of(lane)).value(), std::thread::id());
  EXPECT_NE(inside, here);
  loop.start_thread();
  std::atomic<bool> done{false};
  loop.post([&] {
    start(loop.executor(), thread_of(lane), [&](Result<std::thread::id> given) {
      posted = *given;
      done = true;
    });
  });
  while (!done) std::this_thread::yield();
  std::thread::id driver;
  loop.post([&] { driver = std::this_thread::get_id(), done = false; });
  while (done) std::this_thread::yield();
  EXPECT_NE(posted, driver);
  loop.close();
}

TEST(Lane, CallsOnTwoLanesRunSideBySide) {
  Loop loop;
  Lane first(loop), second(loop);
  std::atomic<int> inside{0};
  const auto meet = [&](std::size_t i) -> Async<> {
    co_await (i == 0 ? first : second).call<void>([&]() -> Result<> {
      ++inside;
      while (inside < 2) std::this_thread::yield();
      return {};
    });
  };
  EXPECT_TRUE(loop.block_on(for_each_limited(2, 2, meet)));
}

TEST(Lane, WhileACallerWorksAnotherDrives) {
  Loop loop;
  Lane lane(loop);
  std::atomic<bool> at_work{false}, other_done{false};
  const auto until_the_other_is_done = [&]() -> Async<> {
    co_await lane.call<void>([&]() -> Result<> {
      at_work = true;
      while (!other_done) std::this_thread::yield();
      return {};
    });
  };
  std::thread other([&] {
    while (!at_work) std::this_thread::yield();
    EXPECT_EQ(loop.block_on(ready(5)).value(), 5);
    other_done = true;
  });
  EXPECT_TRUE(loop.block_on(until_the_other_is_done()));
  other.join();
}

// Lent or not, in whatever order threads come and go: every call is carried out once, one at a time.
TEST(Lane, ManyCallersShareTwoLanes) {
  Loop loop;
  Lane lanes[] = {Lane(loop), Lane(loop)};
  std::atomic<int> inside[2] = {0, 0};
  int carried_out[2] = {0, 0};
  const auto calls = [&](int first) -> Async<> {
    for (int i = 0; i < 500; ++i) {
      const int which = (first + i / 3) % 2;
      co_await lanes[which].call<void>([&, which]() -> Result<> {
        EXPECT_EQ(++inside[which], 1);
        ++carried_out[which];
        --inside[which];
        return {};
      });
    }
  };
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] { EXPECT_TRUE(loop.block_on(calls(t))); });
  }
  for (std::thread& thread : threads) thread.join();
  loop.close();
  EXPECT_EQ(carried_out[0] + carried_out[1], 2000);
}

// What comes while it closes is carried out too, and may promise more.
TEST(Loop, ClosingDrainsWhatOtherThreadsBring) {
  Loop loop;
  std::vector<std::string> ran;
  const auto more = [&]() -> Async<> {
    for (int i = 0; i < 3; ++i) co_await ready(i);
    ran.push_back("work of the last answer");
  };
  std::thread second;
  loop.promise();
  std::thread first([&] {
    std::this_thread::sleep_for(30ms);  // by now it is closing
    loop.answer([&] {
      ran.push_back("answer");
      loop.promise();
      second = std::thread([&] {
        std::this_thread::sleep_for(30ms);
        loop.post([&] { ran.push_back("posted beside it"); });
        loop.answer([&] { start(loop.executor(), more(), [](const Result<>&) {}); });
      });
    });
  });
  loop.close();
  EXPECT_EQ(ran, (std::vector<std::string>{"answer", "posted beside it", "work of the last answer"}));
  first.join();
  second.join();
}

// Threads that wait for what nobody promised still get it, and have left the loop when close() returns.
TEST(Loop, ClosingWaitsForBlockedThreads) {
  Loop loop;
  constexpr int kThreads = 4;
  const std::vector<Reply<int>> late(kThreads);
  std::atomic<int> begun{0}, settled{0};
  const auto work = [&](Reply<int> reply) -> Async<int> {
    ++begun;
    co_return co_await reply.get();
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] { EXPECT_EQ(loop.block_on(work(late[i])).value(), i); });
  }
  while (begun < kThreads) std::this_thread::yield();
  std::thread other([&] {
    for (int i = 0; i < kThreads; ++i) {
      std::this_thread::sleep_for(10ms);
      loop.post([&, i] {
        ++settled;
        late[i].settle(i);
      });
    }
  });
  loop.close();
  EXPECT_EQ(settled, kThreads);
  for (std::thread& thread : threads) thread.join();
  other.join();
}

TEST(Loop, ClosingFromInsideDoesNotWaitForItself) {
  Loop loop;
  const auto closing = [&]() -> Async<int> {
    loop.close();
    co_return 6;
  };
  EXPECT_EQ(loop.block_on(closing()).value(), 6);
}

TEST(NativeCompute, RunsStepsInOrderOnOneLane) {
  Loop loop;
  NativeCompute compute(loop, 2);
  EXPECT_EQ(compute.threads(), 2);
  EXPECT_EQ(compute.pool(0), compute.pool(2));
  EXPECT_FALSE(compute.processor().name.empty());
  std::vector<int> order;
  const auto count_to = [&](int first) -> Async<> {
    int left = 3;
    co_await compute.run_steps(
        [&]() -> Result<bool> {
          order.push_back(first + left);
          return --left > 0;
        },
        Stop());
  };
  const auto both = [&](std::size_t i) { return count_to(i == 0 ? 0 : 10); };
  EXPECT_TRUE(loop.block_on(for_each_limited(2, 2, both)));
  EXPECT_EQ(order, (std::vector<int>{3, 2, 1, 13, 12, 11}));
}

TEST(NativeCompute, APoolEndsWithWhoeverComputesOnIt) {
  Loop loop;
  NativeCompute compute(loop, 2);
  std::shared_ptr<Pool> held = compute.pool(5);
  const std::weak_ptr<Pool> pool = held;
  EXPECT_EQ(compute.pool(5), held);
  held.reset();
  EXPECT_TRUE(pool.expired());
  EXPECT_EQ(compute.pool(5)->threads(), 5) << "and comes again";
  const std::weak_ptr<Pool> usual = compute.pool(0);
  EXPECT_FALSE(usual.expired());
}

TEST(NativeCompute, ErrorsAndStopsEndTheSteps) {
  Loop loop;
  NativeCompute compute(loop, 1);
  const auto broken = []() -> Result<bool> { return fail(ErrorCode::kIo, "broken"); };
  EXPECT_EQ(loop.block_on(compute.run_steps(broken, Stop())).error().code, ErrorCode::kIo);
  const Stop stop;
  int steps = 0;
  const auto endless = [&]() -> Result<bool> {
    if (++steps == 5) stop.flag() = 1;  // as another thread or a page would
    return true;
  };
  EXPECT_EQ(loop.block_on(compute.run_steps(endless, stop)).error().code, ErrorCode::kCancelled);
  EXPECT_EQ(steps, 5);
  EXPECT_EQ(loop.block_on(compute.offload([]() -> Result<> { return {}; }, stop)).error().code, ErrorCode::kCancelled);
}

TEST(NativeCompute, AStopDoesNotWaitForTheRunBefore) {
  Loop loop;
  NativeCompute compute(loop, 1);
  const Stop stop;
  std::atomic<bool> let_go = false;
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  const auto busy = [&]() -> Result<bool> { return !let_go && std::chrono::steady_clock::now() < until; };
  std::vector<std::string> ended;
  const auto work = [&](std::size_t i) -> Async<> {
    if (i == 2) stop.request();
    if (i == 2) co_return;
    const auto done = co_await as_result(compute.run_steps(busy, i == 1 ? stop : Stop()));
    ended.push_back(done ? "computed" : "stopped");
    let_go = true;
  };
  ASSERT_TRUE(loop.block_on(for_each_limited(3, 3, work)));
  EXPECT_EQ(ended, (std::vector<std::string>{"stopped", "computed"}));
}

TEST(NativeCompute, OffloadedWorkRunsBesideTheLane) {
  Loop loop;
  NativeCompute compute(loop, 1);
  std::atomic<bool> offloaded{false};
  const auto work = [&](std::size_t i) -> Async<> {
    if (i == 1) {
      co_await compute.offload([&]() -> Result<> { return offloaded = true, Result<>(); }, Stop());
    } else {
      co_await compute.run_steps([&]() -> Result<bool> { return !offloaded; }, Stop());
    }
  };
  EXPECT_TRUE(loop.block_on(for_each_limited(2, 2, work)));
}

}  // namespace
}  // namespace ipfs_accelerate::host
