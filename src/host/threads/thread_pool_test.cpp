// ThreadPool: every task exactly once, for any count, with and without workers, awake and asleep.
#include "host/threads/thread_pool.h"

#include <gtest/gtest.h>

#include <chrono>
#include <numeric>

namespace ipfs_accelerate::host {
namespace {

TEST(ThreadPool, RunsEveryTaskOnce) {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (const int count : {0, 1, 2, 3, 7, 64, 1000}) {
      std::vector<std::atomic<int>> calls(count);
      pool.run(count, [&](std::int64_t index, int thread) {
        EXPECT_LT(thread, threads);
        ++calls[index];
      });
      for (const auto& call : calls) EXPECT_EQ(call.load(), 1);
    }
  }
}

TEST(ThreadPool, ManyShortSectionsSeeEachOthersWrites) {
  ThreadPool pool(4);
  std::vector<int> values(37, 0);
  constexpr int kSections = 20000;
  for (int section = 0; section < kSections; ++section) {
    pool.run(static_cast<std::int64_t>(values.size()), [&](std::int64_t index, int) { ++values[index]; });
  }
  EXPECT_EQ(std::accumulate(values.begin(), values.end(), 0), kSections * 37);
}

TEST(ThreadPool, WakesSleepingWorkersAndCaller) {
  ThreadPool pool(3);
  for (int round = 0; round < 20; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // longer than the spin: workers sleep
    std::atomic<int> sum{0};
    pool.run(3, [&](std::int64_t index, int) {
      if (index != 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));  // the caller may have to sleep
      sum += static_cast<int>(index) + 1;
    });
    EXPECT_EQ(sum.load(), 6);
  }
}

TEST(ThreadPool, LeavesOutTasksOnceItIsStopped) {
  for (const int threads : {1, 4}) {
    ThreadPool pool(threads);
    std::atomic<std::int32_t> stop{0};
    std::atomic<int> ran{0};
    pool.stop_at(&stop);
    pool.run(1000, [&](std::int64_t, int) {
      ++ran;
      stop = 1;
    });
    EXPECT_GE(ran.load(), 1);
    EXPECT_LE(ran.load(), threads);  // one that had begun on each thread
    pool.stop_at(nullptr);
    ran = 0;
    pool.run(1000, [&](std::int64_t, int) { ++ran; });
    EXPECT_EQ(ran.load(), 1000);
  }
}

TEST(ThreadCount, OfAPage) {
  EXPECT_EQ(threads_to_start(0, 8), 8);
  EXPECT_EQ(threads_to_start(0, 64), kMostStartedThreads);
  EXPECT_EQ(threads_to_start(3, 8), 3);
  EXPECT_EQ(threads_to_start(12, 8), 12);  // who asks for more than there are gets them
  EXPECT_EQ(threads_to_start(100, 8), kMostStartedThreads);
  EXPECT_EQ(threads_to_start(-1, 8), 1);
  EXPECT_EQ(threads_to_start(0, 0), 1);
}

}  // namespace
}  // namespace ipfs_accelerate::host
