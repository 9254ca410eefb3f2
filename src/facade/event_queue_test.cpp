#include "facade/event_queue.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace ipfs_accelerate {
namespace {

struct EventQueueTest : testing::Test {
  EventQueue queue;
  void push(std::string status, std::string file, std::uint64_t loaded = 0) {
    queue.push({std::move(status), std::move(file), {}, {}, loaded, 100});
  }
  std::vector<std::string> all() {
    std::vector<std::string> heard;
    while (!queue.empty()) {
      const LoadEvent event = queue.pop();
      heard.push_back(event.status + " " + event.file + " " + std::to_string(event.loaded));
    }
    return heard;
  }
};

TEST_F(EventQueueTest, ProgressOfOneFileIsMergedWhateverComesBetween) {
  push("initiate", "a");
  for (int i = 1; i <= 9; ++i) {
    push("progress", "a", static_cast<std::uint64_t>(i));
    push("progress", "b", static_cast<std::uint64_t>(10 * i));
  }
  push("done", "a", 9);
  push("progress", "a", 1);  // read again
  EXPECT_EQ(all(),
            (std::vector<std::string>{"initiate a 0", "progress a 9", "progress b 90", "done a 9", "progress a 1"}));
}

TEST_F(EventQueueTest, AFullQueueLosesNoEnd) {
  for (std::size_t i = 0; i < EventQueue::kMost; ++i) {
    const std::string file = std::to_string(i);
    push("initiate", file, i);
    push("progress", file, i);
    if (i % 2 == 0) push("done", file, i);
  }
  push("ready", "");
  const std::vector<std::string> heard = all();
  EXPECT_EQ(heard.size(), EventQueue::kMost);
  EXPECT_EQ(std::ranges::count_if(heard, [](const std::string& one) { return one.starts_with("done"); }),
            static_cast<std::ptrdiff_t>(EventQueue::kMost / 2));
  EXPECT_EQ(heard.back(), "ready  0");
}

TEST_F(EventQueueTest, WithNothingButEndsTheOldestGoes) {
  for (std::size_t i = 0; i <= EventQueue::kMost; ++i) push("done", std::to_string(i), i);
  EXPECT_EQ(all().front(), "done 1 1");
}

}  // namespace
}  // namespace ipfs_accelerate
