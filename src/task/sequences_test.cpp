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
    std::vector<PageCopy> copies;
    ASSERT_TRUE(one.truncate(16, copies));
    EXPECT_EQ(pages.free(), 3);
    EXPECT_EQ(one.truncate(17, copies).error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(one.truncate(-1, copies).error().code, ErrorCode::kInvalidArgument);
    EXPECT_TRUE(copies.empty());
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

// A page that is cut may be one that others share: they keep it.
TEST(Sequences, ACutWithinASharedPageCopiesIt) {
  Pages pages(3);
  Sequence one(pages);
  ASSERT_TRUE(one.reserve(32));
  one.advance(32);
  std::vector<PageCopy> copies;
  auto two = one.fork(copies);
  ASSERT_TRUE(two);
  const std::int32_t shared = one.table()[1];
  ASSERT_TRUE(two->truncate(20, copies));
  EXPECT_EQ(copies, (std::vector<PageCopy>{{shared, two->table()[1]}}));
  EXPECT_EQ(one.table()[1], shared);
  EXPECT_NE(two->table()[1], shared);
  EXPECT_EQ(one.truncate(10, copies).error().code, ErrorCode::kLimitExceeded);  // no page is left for a copy
  EXPECT_EQ(one.length(), 32);
  two->drop();
  ASSERT_TRUE(one.truncate(10, copies));  // it has its pages for itself again
  EXPECT_EQ(copies.size(), 1u);
}

// Whatever is done, no page belongs to nobody, none that is in use is free, and none that is written is shared.
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
        case 1: std::ignore = all[which].truncate(all[which].length() / 2, copies); break;
        case 2:
          if (auto made = all[which].fork(copies)) all.push_back(*std::move(made));
          break;
        default: all.erase(all.begin() + static_cast<std::ptrdiff_t>(which)); break;
      }
      std::vector<int> users(24);
      for (const Sequence& one : all) {
        for (const std::int32_t page : one.table()) ++users[static_cast<std::size_t>(page)];
      }
      ASSERT_EQ(pages.free(), std::ranges::count(users, 0));
      for (const Sequence& one : all) {
        for (auto i = static_cast<std::size_t>(one.length() / kPageRows); i < one.table().size(); ++i) {
          ASSERT_EQ(users[static_cast<std::size_t>(one.table()[i])], 1) << "a page that is not full is shared";
        }
      }
    }
  }
  EXPECT_EQ(pages.free(), 24);
}

}  // namespace
}  // namespace ipfs_accelerate
