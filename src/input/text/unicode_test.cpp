// Unicode properties, normal forms and UTF-8 repair.
#include "input/text/unicode.h"

#include <gtest/gtest.h>

#include "input/text/aligned_text.h"
#include "input/text/utf8.h"

namespace ipfs_accelerate::input {
namespace {

const TextBounds kFree(kMaxTextBytes, {});

std::string in_form(std::string_view text, NormalForm form) {
  std::string result;
  const auto changes = normalize(text, form, kFree, "a test");
  for (const Change& change : *changes) append_utf8(result, change.code);
  return result;
}

TEST(Unicode, Categories) {
  EXPECT_EQ(category(U'A'), Category::kLu);
  EXPECT_EQ(category(U'中'), Category::kLo);
  EXPECT_EQ(category(0x301), Category::kMn);
  EXPECT_EQ(category(0x378), Category::kCn);
  EXPECT_EQ(category(0x110000), Category::kCn);
  EXPECT_TRUE(in_categories(U'½', category_set("N")));
  EXPECT_FALSE(in_categories(U'½', category_set("Nd")));
  EXPECT_EQ(category_set("Xx"), 0u);
  EXPECT_TRUE(is_punctuation(U'$'));  // a symbol, but ASCII
  EXPECT_FALSE(is_punctuation(U'€'));
  EXPECT_TRUE(is_white_space(0x3000));
  EXPECT_FALSE(is_white_space(0x200B));
}

TEST(Unicode, LowerCase) {
  char32_t second;
  EXPECT_EQ(to_lower(U'É', second), U'é');
  EXPECT_EQ(second, 0u);
  EXPECT_EQ(to_lower(0x130, second), U'i');
  EXPECT_EQ(second, 0x307u);
  EXPECT_EQ(fold_case(0x17F), U's');
  EXPECT_EQ(fold_case(0x212A), U'k');
}

TEST(Unicode, NormalForms) {
  EXPECT_EQ(in_form("e\u0301", NormalForm::kNfc), "é");
  EXPECT_EQ(in_form("é", NormalForm::kNfd), "e\u0301");
  EXPECT_EQ(in_form("ﬁ½", NormalForm::kNfkc), "fi1⁄2");
  EXPECT_EQ(in_form("각", NormalForm::kNfd), "\u1100\u1161\u11A8");
  EXPECT_EQ(in_form("\u1100\u1161\u11A8", NormalForm::kNfc), "각");
  EXPECT_EQ(in_form("a\u0307\u0323", NormalForm::kNfc), "\u1EA1\u0307");  // marks change places, then one composes
  EXPECT_EQ(in_form("\u0958", NormalForm::kNfc), "\u0915\u093C");         // excluded from composition
  EXPECT_EQ(in_form("\u0344", NormalForm::kNfc), "\u0308\u0301");
}

// UAX 15: forms are stable, and composing after decomposing gives the composed form, for every code point.
TEST(Unicode, FormsAreStableForEveryCodePoint) {
  for (char32_t code = 0; code < 0x110000; ++code) {
    if (code >= 0xD800 && code < 0xE000) continue;
    std::string text;
    append_utf8(text, code);
    const std::string nfd = in_form(text, NormalForm::kNfd), nfc = in_form(text, NormalForm::kNfc);
    ASSERT_EQ(in_form(nfd, NormalForm::kNfd), nfd) << std::hex << static_cast<unsigned>(code);
    ASSERT_EQ(in_form(nfd, NormalForm::kNfc), nfc) << std::hex << static_cast<unsigned>(code);
    ASSERT_EQ(in_form(nfc, NormalForm::kNfd), nfd) << std::hex << static_cast<unsigned>(code);
    for (const NormalForm form : {NormalForm::kNfc, NormalForm::kNfd, NormalForm::kNfkc, NormalForm::kNfkd}) {
      if (surely_normal(text, form)) ASSERT_EQ(in_form(text, form), text) << std::hex << static_cast<unsigned>(code);
    }
  }
}

TEST(Utf8, RepairReplacesEachIllFormedPartOnce) {
  EXPECT_EQ(repair_utf8("a\xFFz"), "a\uFFFDz");
  EXPECT_EQ(repair_utf8("\xE2\x82"), "\uFFFD");  // cut short: one part
  EXPECT_EQ(repair_utf8("\xE2\x82z"), "\uFFFDz");
  EXPECT_EQ(repair_utf8("\xC0\xAF"), "\uFFFD\uFFFD");            // overlong
  EXPECT_EQ(repair_utf8("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");  // surrogate
  EXPECT_EQ(repair_utf8("\xF4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD");
  EXPECT_TRUE(is_valid_utf8("héllo 😀, long enough for the fast path"));
  EXPECT_FALSE(is_valid_utf8("long enough for the fast path \x80"));
}

TEST(Utf8, BackAndForth) {
  const std::string text = "aé中😀";
  std::size_t at = 0;
  std::vector<char32_t> forward, backward;
  while (at < text.size()) forward.push_back(next_code_point(text, at));
  while (at > 0) backward.push_back(previous_code_point(text, at));
  EXPECT_EQ(forward, (std::vector<char32_t>{U'a', U'é', U'中', U'😀'}));
  EXPECT_EQ(backward, (std::vector<char32_t>{U'😀', U'中', U'é', U'a'}));
  EXPECT_EQ(count_code_points(text), 4u);
}

TEST(AlignedText, ChangesKeepTheOrigin) {
  const AlignedText source = AlignedText::identity("xéy", 5);
  const auto changes = normalize(source.text, NormalForm::kNfd, kFree, "a test");
  const AlignedText nfd = *apply_changes(source, *changes, 5, kFree, "a test");
  EXPECT_EQ(nfd.text, "xe\u0301y");
  ASSERT_EQ(nfd.spans.size(), nfd.text.size());
  EXPECT_EQ(nfd.spans[1].begin, 6u);  // e
  EXPECT_EQ(nfd.spans[2].begin, 6u);  // the accent, from the same character
  EXPECT_EQ(nfd.spans[4].begin, 7u);  // y
}

}  // namespace
}  // namespace ipfs_accelerate::input
