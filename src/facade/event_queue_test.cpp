#include "facade/event_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <format>

namespace ipfs_accelerate {
namespace {

struct EventQueueTest : testing::Test {
  EventQueue queue;
  void push(std::string status, std::string file, std::uint64_t loaded = 0) {
    queue.push(LoadEvent{std::move(status), std::move(file), {}, {}, loaded, 100});
  }
  std::vector<std::string> all() {
    std::vector<std::string> heard;
    while (!queue.empty()) {
      const Event event = queue.pop();
      if (const auto* const load = std::get_if<LoadEvent>(&event)) {
        heard.push_back(load->status + " " + load->file + " " + std::to_string(load->loaded));
        continue;
      }
      const auto& text = std::get<TextEvent>(event);
      heard.push_back(std::format("text {} {} {}{}", text.item, text.token, text.text, text.end ? " end" : ""));
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

TEST_F(EventQueueTest, TextIsJoinedInAFullQueueAndNeverLost) {
  push("initiate", "a");
  for (int i = 0; i < 200; ++i) {
    const auto item = static_cast<std::size_t>(i % 2);
    queue.push(TextEvent{item, i, std::to_string(i % 10), i >= 198});
  }
  push("progress", "b", 1);
  push("ready", "");
  std::string texts[2];
  std::size_t events = 0;
  std::string last;
  for (; !queue.empty(); ++events) {
    const Event event = queue.pop();
    const auto* const text = std::get_if<TextEvent>(&event);
    last = text ? "text" : std::get<LoadEvent>(event).status;
    if (!text) continue;
    texts[text->item] += text->text;
    EXPECT_EQ(text->end, texts[text->item].size() == 100);
  }
  std::string even, odd;
  for (int i = 0; i < 20; ++i) even += "02468", odd += "13579";
  EXPECT_EQ(texts[0], even);
  EXPECT_EQ(texts[1], odd);
  EXPECT_EQ(last, "ready");
  EXPECT_LE(events, EventQueue::kMost + 2);
}

TEST_F(EventQueueTest, ManyItemsAreOneEventEachBeyondTheLimit) {
  for (int round = 0; round < 3; ++round) {
    for (std::size_t item = 0; item < 200; ++item) queue.push(TextEvent{item, round, "x", false});
  }
  std::size_t letters = 0, events = 0;
  for (; !queue.empty(); ++events) letters += std::get<TextEvent>(queue.pop()).text.size();
  EXPECT_EQ(letters, 600u);
  EXPECT_EQ(events, 200u);
}

TEST_F(EventQueueTest, WithNothingButEndsTheOldestGoes) {
  for (std::size_t i = 0; i <= EventQueue::kMost; ++i) push("done", std::to_string(i), i);
  EXPECT_EQ(all().front(), "done 1 1");
}

}  // namespace
}  // namespace ipfs_accelerate
