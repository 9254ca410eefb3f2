// All texts that end at each place, against looking for each of them.
#include "input/text/text_ends.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace ipfs_accelerate::input {
namespace {

using testing::ElementsAre;
using Texts = std::vector<std::pair<std::string_view, std::int32_t>>;

std::vector<std::int32_t> ending(const TextEnds& ends, std::uint32_t node) {
  std::vector<std::int32_t> ids;
  for (std::uint32_t found = ends.longest(node); found != Trie::kNone; found = ends.shorter(found))
    ids.push_back(ends.id(found));
  return ids;
}

TEST(Trie, PathsAndIds) {
  const Trie trie(Texts{{"ab", 1}, {"a", 0}, {"b\xFF", 3}, {"abc", 2}, {"b\x01", 4}});
  EXPECT_EQ(trie.id(trie.find("a")), 0);
  EXPECT_EQ(trie.id(trie.find("abc")), 2);
  EXPECT_EQ(trie.id(trie.find("b\xFF")), 3);
  EXPECT_EQ(trie.id(trie.find("b")), -1);
  EXPECT_EQ(trie.find("abd"), Trie::kNone);
  EXPECT_EQ(trie.find(""), Trie::kRoot);
  EXPECT_EQ(Trie().find("a"), Trie::kNone);
}

TEST(Trie, NodesWithManyChildren) {
  std::vector<std::string> texts;
  for (int byte = 0; byte < 256; ++byte) texts.push_back({'x', static_cast<char>(byte)});
  Texts list;
  for (std::size_t i = 0; i < texts.size(); i += 2) list.emplace_back(texts[i], static_cast<std::int32_t>(i));
  const Trie trie(list);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::uint32_t node = trie.find(texts[i]);
    EXPECT_EQ(node == Trie::kNone ? -1 : trie.id(node), i % 2 == 0 ? static_cast<std::int32_t>(i) : -1);
  }
}

TEST(TextEnds, TheLongestFirst) {
  const TextEnds ends(Trie(Texts{{"", 9}, {"he", 0}, {"she", 1}, {"hers", 2}, {"s", 3}, {"e", 4}}));
  std::uint32_t node = Trie::kRoot;
  for (const char byte : std::string_view("ushe")) node = ends.next(node, byte);
  EXPECT_THAT(ending(ends, node), ElementsAre(1, 0, 4));
  for (const char byte : std::string_view("rs")) node = ends.next(node, byte);
  EXPECT_THAT(ending(ends, node), ElementsAre(2, 3));
  node = ends.next(node, 'x');
  EXPECT_TRUE(ending(ends, node).empty());
}

TEST(TextEnds, AgreesWithLookingForEach) {
  std::uint32_t random = 7;
  const auto letters = [&](std::size_t most) {
    std::string text;
    for (std::size_t size = 1 + (random >> 8) % most; text.size() < size; random = random * 1664525 + 1013904223)
      text += static_cast<char>('a' + (random >> 16) % 3);
    return text;
  };
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> texts;
    for (int i = 0; i < 20; ++i) texts.push_back(letters(5));
    std::ranges::sort(texts);
    texts.erase(std::ranges::unique(texts).begin(), texts.end());
    Texts list;
    for (std::size_t i = 0; i < texts.size(); ++i) list.emplace_back(texts[i], static_cast<std::int32_t>(i));
    const TextEnds ends{Trie(list)};
    const std::string text = letters(60);
    std::uint32_t node = Trie::kRoot;
    for (std::size_t end = 1; end <= text.size(); ++end) {
      node = ends.next(node, text[end - 1]);
      std::vector<std::int32_t> wanted;
      for (std::size_t begin = 0; begin < end; ++begin) {
        const auto found = std::ranges::find(texts, text.substr(begin, end - begin));
        if (found != texts.end()) wanted.push_back(static_cast<std::int32_t>(found - texts.begin()));
      }
      EXPECT_EQ(ending(ends, node), wanted);
    }
  }
}

}  // namespace
}  // namespace ipfs_accelerate::input
