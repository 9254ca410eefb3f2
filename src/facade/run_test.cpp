// What a slow listener gets: the newest of each file's progress, every end, in order.
#include "facade/run.h"

#include <gtest/gtest.h>

namespace ipfs_accelerate {
namespace {

struct RunEvents : testing::Test {
  host::Loop loop;
  std::vector<std::string> heard;
  Run::Impl run{loop, [this](const LoadEvent& event) {
                  heard.push_back(event.status + " " + event.file + " " + std::to_string(event.loaded));
                }};
  void push(std::string status, std::string file, std::uint64_t loaded = 0) {
    run.push({std::move(status), std::move(file), {}, {}, loaded, 100});
  }
  std::vector<std::string> wait() {
    run.settle(fail(ErrorCode::kNotFound, "over"));
    EXPECT_EQ(run.wait().error().code, ErrorCode::kNotFound);
    return heard;
  }
};

TEST_F(RunEvents, ProgressOfOneFileIsMergedWhateverComesBetween) {
  push("initiate", "a");
  for (int i = 1; i <= 9; ++i) {
    push("progress", "a", static_cast<std::uint64_t>(i));
    push("progress", "b", static_cast<std::uint64_t>(10 * i));
  }
  push("done", "a", 9);
  push("progress", "a", 1);  // read again
  EXPECT_EQ(wait(),
            (std::vector<std::string>{"initiate a 0", "progress a 9", "progress b 90", "done a 9", "progress a 1"}));
}

TEST_F(RunEvents, AFullQueueLosesNoEnd) {
  for (std::size_t i = 0; i < kMostEvents; ++i) {
    const std::string file = std::to_string(i);
    for (const char* status : {"initiate", "progress"}) push(status, file, i);
    if (i % 2 == 0) push("done", file, i);
  }
  push("ready", "");
  const std::size_t waiting = run.events.size();
  EXPECT_EQ(waiting, kMostEvents);
  wait();
  EXPECT_EQ(heard.size(), kMostEvents);
  EXPECT_EQ(std::ranges::count_if(heard, [](const std::string& one) { return one.starts_with("done"); }),
            kMostEvents / 2);
  EXPECT_EQ(heard.back(), "ready  0");
}

TEST_F(RunEvents, CancellingReachesTheStopAtOnceAndItsListenersOnTheLoop) {
  const Reply<> told;
  const Stop::Listener listener = run.stop.listen([told] { told.settle({}); });
  run.cancel();
  EXPECT_TRUE(run.stop.requested());
  EXPECT_FALSE(told.settled());
  EXPECT_TRUE(loop.block_on(told.get()));
  wait();
}

}  // namespace
}  // namespace ipfs_accelerate
