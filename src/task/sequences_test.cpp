// Pages: what sequences share, and that all of it comes back.
#include "task/sequences.h"

#include <gtest/gtest.h>

#include <random>

namespace ipfs_accelerate {
namespace {

TEST(Sequences, TakePagesAndGiveThemBack) {
  Pages pages(4);
  {
    Sequence one(pages);
    ASSERT_TRUE(one.reserve(17));
    one.advance(17);
    EXPECT_EQ(one.table().size(), 2u);
    EXPECT_EQ(pages.free(), 2);
    ASSERT_TRUE(one.reserve(15));  // the second page has room
    EXPECT_EQ(pages.free(), 2);
    ASSERT_TRUE(one.truncate(16));
    EXPECT_EQ(pages.free(), 3);
    EXPECT_EQ(one.truncate(17).error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(pages.free(), 4);
}

TEST(Sequences, AreAsBeforeWhenThereIsNoRoom) {
  Pages pages(3);
  Sequence one(pages), two(pages);
  ASSERT_TRUE(one.reserve(20));
  EXPECT_EQ(two.reserve(20).error().code, ErrorCode::kLimitExceeded);
  EXPECT_TRUE(two.table().empty());
  EXPECT_EQ(pages.free(), 1);
}

TEST(Sequences, ForksShareFullPagesAndCopyTheLast) {
  Pages pages(5);
  Sequence one(pages);
  ASSERT_TRUE(one.reserve(35));
  one.advance(35);
  std::vector<PageCopy> copies;
  auto two = one.fork(copies);
  ASSERT_TRUE(two);
  EXPECT_EQ(two->length(), 35);
  EXPECT_EQ(two->table()[0], one.table()[0]);
  EXPECT_EQ(two->table()[1], one.table()[1]);
  EXPECT_EQ(copies, (std::vector<PageCopy>{{one.table()[2], two->table()[2]}}));
  EXPECT_EQ(pages.free(), 1);
  one.drop();
  EXPECT_EQ(pages.free(), 2);  // the shared ones are still in use
  two->drop();
  EXPECT_EQ(pages.free(), 5);
}

TEST(Sequences, AForkAtAPageBorderCopiesNothing) {
  Pages pages(2);
  Sequence one(pages);
  ASSERT_TRUE(one.reserve(32));
  one.advance(32);
  std::vector<PageCopy> copies;
  EXPECT_TRUE(one.fork(copies));
  EXPECT_TRUE(copies.empty());
}

// Whatever is done, no page belongs to nobody and none that is in use is free.
TEST(Sequences, NeverLoseAPage) {
  std::mt19937 random(7);
  Pages pages(24);
  {
    std::vector<Sequence> all;
    std::vector<PageCopy> copies;
    for (int step = 0; step < 5000; ++step) {
      if (all.size() < 6) all.emplace_back(pages);
      const std::size_t which = random() % all.size();
      switch (random() % 4) {
        case 0:
          if (const auto rows = static_cast<std::int64_t>(random() % 20); all[which].reserve(rows)) {
            all[which].advance(rows);
          }
          break;
        case 1: ASSERT_TRUE(all[which].truncate(all[which].length() / 2)); break;
        case 2:
          if (auto made = all[which].fork(copies)) all.push_back(*std::move(made));
          break;
        default: all.erase(all.begin() + static_cast<std::ptrdiff_t>(which)); break;
      }
      std::vector<bool> used(24);
      for (const Sequence& one : all) {
        for (const std::int32_t page : one.table()) used[static_cast<std::size_t>(page)] = true;
      }
      ASSERT_EQ(pages.free(), std::ranges::count(used, false));
    }
  }
  EXPECT_EQ(pages.free(), 24);
}

}  // namespace
}  // namespace ipfs_accelerate
