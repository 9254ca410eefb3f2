// Cluster ends: line ends, marks, joiners, prepended signs, controls.
#include "input/text/graphemes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ipfs_accelerate::input {
namespace {

using testing::ElementsAre;

std::vector<std::string> clusters(std::string_view text) {
  std::vector<std::string> result;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = cluster_end(text, at);
    result.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return result;
}

TEST(Graphemes, PlainTextIsCharacters) {
  EXPECT_THAT(clusters("aé中👍"), ElementsAre("a", "é", "中", "👍"));
  EXPECT_TRUE(clusters("").empty());
}

TEST(Graphemes, LineEndsAreOneAndControlsStandAlone) {
  EXPECT_THAT(clusters("a\r\n\n\r\u0301"), ElementsAre("a", "\r\n", "\n", "\r", "\u0301"));
  EXPECT_THAT(clusters("\u200b\u0301\u00ad\u0300"), ElementsAre("\u200b", "\u0301", "\u00ad", "\u0300"));
}

TEST(Graphemes, MarksAndJoinersBelongToWhatIsBefore) {
  EXPECT_THAT(clusters("e\u0301\u0300x"), ElementsAre("e\u0301\u0300", "x"));
  EXPECT_THAT(clusters("ก\u0e33น"), ElementsAre("ก\u0e33", "น"));
  EXPECT_THAT(clusters("कि"), ElementsAre("कि"));
  EXPECT_THAT(clusters("a\u200db"), ElementsAre("a\u200d", "b"));
  EXPECT_THAT(clusters("👍🏽a🏽"), ElementsAre("👍🏽", "a🏽"));
  EXPECT_THAT(clusters("ｶﾞ"), ElementsAre("ｶﾞ"));
  EXPECT_THAT(clusters("က\u102bက\u103b"), ElementsAre("က", "\u102b", "က\u103b"));
}

TEST(Graphemes, PrependedSignsBelongToWhatFollows) {
  EXPECT_THAT(clusters("\u0600\u0661a"), ElementsAre("\u0600\u0661", "a"));
  EXPECT_THAT(clusters("\u06dda\u0301"), ElementsAre("\u06dda\u0301"));
  EXPECT_THAT(clusters("\u0600\n"), ElementsAre("\u0600", "\n"));
  EXPECT_THAT(clusters("\u0600"), ElementsAre("\u0600"));
}

}  // namespace
}  // namespace ipfs_accelerate::input
