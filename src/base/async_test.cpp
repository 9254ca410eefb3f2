#include "base/async.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "base/stop.h"

namespace ipfs_accelerate {
namespace {

template <class T>
std::optional<Result<T>> run(Executor& executor, Async<T> work) {
  std::optional<Result<T>> result;
  start(executor, std::move(work), [&](Result<T> given) { result = std::move(given); });
  executor.run();
  return result;
}

Async<int> ready(int value) { co_return value; }
Async<int> failing() { co_return fail(ErrorCode::kNotFound, "no {}", "thing"); }
Async<int> waiting(Reply<int> reply) { co_return co_await reply.get(); }
Async<int> doubled(Async<int> work) {
  const int value = co_await std::move(work);
  co_return 2 * value;
}

TEST(Async, ValuesAndErrorsTravelUp) {
  Executor executor;
  EXPECT_EQ(run(executor, doubled(doubled(ready(3))))->value(), 12);
  const auto failed = run(executor, doubled(doubled(failing())));
  EXPECT_EQ(failed->error().code, ErrorCode::kNotFound);
  EXPECT_EQ(failed->error().message, "no thing");
}

TEST(Async, AnExceptionIsAnError) {
  const auto throwing = [](Reply<int> before, std::exception_ptr thrown) -> Async<int> {
    const int value = co_await before.get();
    if (value == 1) std::rethrow_exception(thrown);
    co_return value;
  };
  const auto code_of = [&](bool late, auto thrown) {
    Executor executor;
    Reply<int> before;
    if (!late) before.settle(1);
    std::optional<Result<int>> result;
    start(executor, doubled(throwing(before, std::make_exception_ptr(thrown))),
          [&](Result<int> given) { result = std::move(given); });
    executor.run();
    EXPECT_EQ(result.has_value(), !late);
    if (late) before.settle(1);
    executor.run();
    return result && !*result ? result->error().code : ErrorCode::kNotFound;
  };
  for (const bool late : {false, true}) {
    EXPECT_EQ(code_of(late, std::bad_alloc()), ErrorCode::kOutOfMemory);
    EXPECT_EQ(code_of(late, std::length_error("too long")), ErrorCode::kOutOfMemory);
    EXPECT_EQ(code_of(late, std::runtime_error("odd")), ErrorCode::kInternal);
    EXPECT_EQ(code_of(late, 7), ErrorCode::kInternal);
  }
}

TEST(Async, ALateErrorLeavesEveryFrameAndDestroysWhatItHeld) {
  Executor executor;
  const auto held = std::make_shared<int>(1);
  Reply<int> reply;
  const auto holds = [](std::shared_ptr<int>, Reply<int> reply) -> Async<int> { co_return co_await waiting(reply); };
  std::optional<Result<int>> result;
  start(executor, doubled(holds(held, reply)), [&](Result<int> given) { result = std::move(given); });
  executor.run();
  EXPECT_FALSE(result);
  EXPECT_GT(held.use_count(), 1);
  reply.settle(fail(ErrorCode::kTimeout, "late"));
  EXPECT_FALSE(result);  // through the queue
  executor.run();
  EXPECT_EQ(result->error().code, ErrorCode::kTimeout);
  EXPECT_EQ(held.use_count(), 1);
}

TEST(Async, AMillionReadyAnswersAndAMillionLateOnesKeepTheStackFlat) {
  Executor executor;
  const auto many = []() -> Async<int> {
    int sum = 0;
    for (int i = 0; i < 1'000'000; ++i) sum += co_await ready(1);
    co_return sum;
  };
  EXPECT_EQ(run(executor, many())->value(), 1'000'000);
  // Every answer is given by a coroutine that runs after the one that waits.
  const auto late = [](Executor& executor) -> Async<int> {
    int sum = 0;
    for (int i = 0; i < 1'000'000; ++i) {
      Reply<int> reply;
      start(executor, ready(1), [reply](Result<int> value) { reply.settle(std::move(value)); });
      sum += co_await reply.get();
    }
    co_return sum;
  };
  EXPECT_EQ(run(executor, late(executor))->value(), 1'000'000);
}

TEST(Async, ResultsAndFailuresAreAwaited) {
  Executor executor;
  const auto work = [](bool fine) -> Async<> {
    const int one = co_await Result<int>(1);
    EXPECT_EQ(one, 1);
    const Result<int> value = co_await as_result(failing());
    EXPECT_FALSE(value);
    if (!fine) co_await fail(ErrorCode::kIo, "stop here");
  };
  EXPECT_TRUE(run(executor, work(true))->has_value());
  EXPECT_EQ(run(executor, work(false))->error().code, ErrorCode::kIo);
  EXPECT_EQ(run(executor, doing("reading", work(false)))->error().message, "while reading: stop here");
}

TEST(Async, ForEachLimitedRunsAFewAtATimeAndEndsWithTheFirstError) {
  Executor executor;
  std::vector<Reply<>> replies(6);
  std::size_t begun = 0;
  const auto work = [&](std::size_t i) -> Async<> {
    ++begun;
    co_await replies[i].get();
  };
  std::optional<Result<>> result;
  start(executor, for_each_limited(6, 2, work), [&](Result<> given) { result = std::move(given); });
  executor.run();
  EXPECT_EQ(begun, 2u);
  replies[1].settle({});
  executor.run();
  EXPECT_EQ(begun, 3u);
  replies[0].settle(fail(ErrorCode::kIo, "broken"));
  executor.run();
  EXPECT_EQ(begun, 3u);
  EXPECT_FALSE(result);  // one is still at work
  replies[2].settle({});
  executor.run();
  EXPECT_EQ(result->error().code, ErrorCode::kIo);
}

TEST(Stop, TellsListenersUntilTheyGo) {
  Stop stop;
  int told = 0;
  {
    const auto gone = stop.listen([&] { told += 100; });
  }
  const auto listener = stop.listen([&] { ++told; });
  EXPECT_TRUE(stop.check());
  const Stop copy = stop;
  copy.request();
  EXPECT_EQ(told, 1);
  EXPECT_EQ(stop.check().error().code, ErrorCode::kCancelled);
}

}  // namespace
}  // namespace ipfs_accelerate
