// Shared and Turns: waiting together, waiting in a row, and leaving early.
#include "base/shared.h"

#include <gtest/gtest.h>

#include "base/turns.h"

namespace ipfs_accelerate {
namespace {

/// Work that ends when it is told to, or stopped.
struct Work {
  int begun = 0, stopped = 0;
  Reply<int> answer;

  Async<int> run(Stop stop) {
    ++begun;
    const Reply<int> now = answer;
    const Stop::Listener listener = stop.listen([this, now, stop] {
      ++stopped;
      now.settle(fail(ErrorCode::kCancelled, "the caller asked to stop"));
    });
    co_return co_await now.get();
  }
};

struct SharedTest : testing::Test {
  Executor executor;
  Work work;
  Shared<int> shared;

  struct Waiter {
    Stop stop;
    std::optional<Result<int>> result;
  };
  void join(Waiter& waiter) {
    start(executor, shared.join([this](Stop stop) { return work.run(stop); }, waiter.stop),
          [&waiter](Result<int> given) { waiter.result = std::move(given); });
    executor.run();
  }
  void stop(const Waiter& waiter) {
    waiter.stop.request();
    executor.run();
  }
  void answer(Result<int> value) {
    work.answer.settle(std::move(value));
    executor.run();
  }
};

TEST_F(SharedTest, AllGetOneAnswer) {
  Waiter one, two, late;
  join(one);
  join(two);
  EXPECT_EQ(work.begun, 1);
  answer(7);
  EXPECT_EQ(one.result->value(), 7);
  EXPECT_EQ(two.result->value(), 7);
  work.answer = {};
  join(late);
  EXPECT_EQ(work.begun, 2);
  answer(fail(ErrorCode::kNoAdapter, "none"));
  EXPECT_EQ(late.result->error().code, ErrorCode::kNoAdapter);
}

TEST_F(SharedTest, OneThatStopsLeavesAtOnceAndTheOthersGoOn) {
  Waiter one, two;
  join(one);
  join(two);
  stop(one);
  ASSERT_TRUE(one.result);
  EXPECT_EQ(one.result->error().code, ErrorCode::kCancelled);
  EXPECT_EQ(work.stopped, 0);
  EXPECT_FALSE(two.result);
  answer(7);
  EXPECT_EQ(two.result->value(), 7);
}

TEST_F(SharedTest, TheLastThatStopsEndsTheWorkAndTheNextBeginsItAgain) {
  Waiter one, two, next;
  join(one);
  join(two);
  stop(two);
  stop(one);
  EXPECT_EQ(work.stopped, 1);
  EXPECT_EQ(one.result->error().code, ErrorCode::kCancelled);
  work.answer = {};
  join(next);
  EXPECT_EQ(work.begun, 2);
  answer(7);
  EXPECT_EQ(next.result->value(), 7);
}

TEST_F(SharedTest, WhoComesWhileItIsBeingStoppedIsNotCancelled) {
  // Work that takes its time to let go.
  Reply<> let_go;
  int begun = 0;
  const auto slow = [&](Stop stop) -> Async<int> {
    ++begun;
    if (begun == 1) co_await let_go.get();
    co_await stop.check();
    co_return 7;
  };
  Waiter one, two;
  for (Waiter* waiter : {&one, &two}) {
    start(executor, shared.join(slow, waiter->stop), [waiter](Result<int> given) { waiter->result = given; });
    executor.run();
    if (waiter == &one) stop(one);
  }
  EXPECT_FALSE(one.result);  // the last to leave waits until the work has let go
  let_go.settle({});
  executor.run();
  EXPECT_EQ(one.result->error().code, ErrorCode::kCancelled);
  EXPECT_EQ(two.result->value(), 7);
  EXPECT_EQ(begun, 2);
}

TEST(Turns, OneThatStopsLeavesTheRow) {
  Executor executor;
  Turns turns;
  std::vector<std::string> told;
  std::optional<Turns::Turn> held;
  const Stop stop;
  const auto wait = [&](std::string name, Stop mine) -> Async<> {
    Result<Turns::Turn> turn = co_await as_result(turns.take(mine));
    told.push_back(name + (turn ? " has it" : " left"));
    if (name == "first" && turn) held.emplace(*std::move(turn));
  };
  start(executor, wait("first", Stop()), [](const Result<>&) {});
  start(executor, wait("second", stop), [](const Result<>&) {});
  start(executor, wait("third", Stop()), [](const Result<>&) {});
  executor.run();
  stop.request();
  executor.run();
  EXPECT_EQ(told, (std::vector<std::string>{"first has it", "second left"}));
  held.reset();
  executor.run();
  EXPECT_EQ(told.back(), "third has it");
  start(executor, wait("fourth", stop), [](const Result<>&) {});
  executor.run();
  EXPECT_EQ(told.back(), "fourth left");
}

}  // namespace
}  // namespace ipfs_accelerate
