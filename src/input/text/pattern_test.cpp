// Patterns: what they match, what is refused, and that none takes for ever.
#include "input/text/pattern.h"

#include <gtest/gtest.h>

namespace ipfs_accelerate::input {
namespace {

const TextBounds kFree(kMaxTextBytes, {});

std::vector<std::string> matches(std::string_view source, std::string_view text) {
  const auto pattern = Pattern::regex(source);
  if (!pattern) return {"error: " + pattern.error().message};
  std::vector<ByteRange> ranges;
  if (const auto found = pattern->find_all(text, ranges, kFree); !found) return {"error: " + found.error().message};
  std::vector<std::string> result;
  for (const auto [begin, end] : ranges) result.emplace_back(text.substr(begin, end - begin));
  return result;
}

using Texts = std::vector<std::string>;

TEST(Pattern, PublishedSplits) {
  const std::string gpt2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
  EXPECT_EQ(matches(gpt2, "I'm  here, 42x!"), (Texts{"I", "'m", " ", " here", ",", " 42", "x", "!"}));
  const std::string llama3 =
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| "
      "?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  EXPECT_EQ(matches(llama3, "WE'LL 12345 é\n\n x"), (Texts{"WE", "'LL", " ", "123", "45", " é", "\n\n", " x"}));
}

TEST(Pattern, Operators) {
  EXPECT_EQ(matches("ab|a", "abaab"), (Texts{"ab", "a", "ab"}));
  EXPECT_EQ(matches("(?:ab)+", "xababx"), Texts{"abab"});
  EXPECT_EQ(matches("a+?", "aaa"), (Texts{"a", "a", "a"}));
  EXPECT_EQ(matches("a++a", "aaa"), Texts{});
  EXPECT_EQ(matches("a{2,3}", "aaaaa"), (Texts{"aaa", "aa"}));
  EXPECT_EQ(matches("(?<=\\s)b", "ab b"), Texts{"b"});
  EXPECT_EQ(matches("(?<!\\w)b", "ab b"), Texts{"b"});
  EXPECT_EQ(matches("(?=ab)a", "aab"), Texts{"a"});
  EXPECT_EQ(matches("[^a-c\\d]", "a1xé"), (Texts{"x", "é"}));
  EXPECT_EQ(matches("[a[0-9]]+", "xa1"), Texts{"a1"});
  EXPECT_EQ(matches("(?i)straSSe", "STRASSE"), Texts{"STRASSE"});
  EXPECT_EQ(matches("(?i:'s)", "'\u017F"), Texts{"'\u017F"});
  EXPECT_EQ(matches("\\x41|\\u00e9", "Aé"), (Texts{"A", "é"}));
  EXPECT_EQ(matches("^.", "ab\ncd"), (Texts{"a", "c"}));
  EXPECT_EQ(matches("x*", "axb"), (Texts{"", "x", ""}));
}

TEST(Pattern, LoopsOverNothingEnd) { EXPECT_EQ(matches("(?:a*)*b", "aab"), Texts{"aab"}); }

TEST(Pattern, EndlessBacktrackingIsCutOff) {
  const auto pattern = Pattern::regex("(?:(?:a|a)+)+b");
  ASSERT_TRUE(pattern);
  std::vector<ByteRange> ranges;
  const auto found = pattern->find_all(std::string(64, 'a'), ranges, kFree);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::kLimitExceeded);
}

// A possessive loop never goes back, so its way to the end has to count.
TEST(Pattern, LoopsFromEveryPlaceAreCutOff) {
  const auto pattern = Pattern::regex("a*+b");
  ASSERT_TRUE(pattern);
  std::vector<ByteRange> ranges;
  const auto found = pattern->find_all(std::string(200'000, 'a'), ranges, kFree);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::kLimitExceeded);
}

TEST(Pattern, AStopEndsASearch) {
  Stop stop;
  stop.request();
  for (const char* const source : {"x", "(?:(?:a|a)+)+b"}) {
    std::vector<ByteRange> ranges;
    const auto found = Pattern::regex(source)->find_all(std::string(64, 'a'), ranges, {kMaxTextBytes, stop});
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, ErrorCode::kCancelled);
  }
}

TEST(Pattern, UnknownSyntaxIsNamed) {
  for (const char* source : {"(", ")", "[a", "a**", "*a", "(?<name>a)", "\\1", "\\p{Greek}", "\\p", "[a&&b]", "a{2,1}",
                             "a{5000}", "\\", "[z-a]", "\\xZZ", "(?<=ab)c", "(?:a)++", "(?=a)*", "[[:alpha:]]"}) {
    const auto pattern = Pattern::regex(source);
    ASSERT_FALSE(pattern) << source;
    EXPECT_EQ(pattern.error().code, ErrorCode::kUnsupportedTokenizer) << source;
    EXPECT_NE(pattern.error().message.find(source), std::string::npos);
  }
}

TEST(Pattern, HugeProgramsAreRefused) {
  EXPECT_FALSE(Pattern::regex("(?:(?:(?:ab){1000}){1000}){1000}"));
  EXPECT_FALSE(Pattern::regex(std::string(1000, '(') + std::string(1000, ')')));
}

TEST(Pattern, Literal) {
  std::vector<ByteRange> ranges;
  ASSERT_TRUE(Pattern::literal("aa").find_all("aaaaa", ranges, kFree));
  EXPECT_EQ(ranges.size(), 2u);
  ASSERT_TRUE(Pattern::literal("").find_all("abc", ranges, kFree));
  EXPECT_TRUE(ranges.empty());
}

}  // namespace
}  // namespace ipfs_accelerate::input
