// Cluster ends from general categories and the few characters that those do not tell (Unicode 16).
#include "input/text/graphemes.h"

#include <algorithm>
#include <cstdint>
#include <span>

#include "input/text/unicode.h"
#include "input/text/utf8.h"

namespace ipfs_accelerate::input {
namespace {

struct Range {
  char32_t first, last;
};

// Grapheme_Extend, SpacingMark and Emoji_Modifier outside the categories of marks; zero width joiner and non-joiner.
constexpr Range kJoiners[] = {{0xE33, 0xE33},   {0xEB3, 0xEB3},     {0x200C, 0x200D},
                              {0xFF9E, 0xFF9F}, {0x1F3FB, 0x1F3FF}, {0xE0020, 0xE007F}};
// Marks (Mc) that do not join: of Myanmar, Tai Tham, Ahom.
constexpr Range kLoners[] = {{0x102B, 0x102C}, {0x1038, 0x1038}, {0x1062, 0x1064},  {0x1067, 0x106D}, {0x1083, 0x1083},
                             {0x1087, 0x108C}, {0x108F, 0x108F}, {0x109A, 0x109C},  {0x1A61, 0x1A61}, {0x1A63, 0x1A64},
                             {0xAA7B, 0xAA7B}, {0xAA7D, 0xAA7D}, {0x11720, 0x11721}};
// Characters that join what follows.
constexpr Range kPrepended[] = {{0x600, 0x605},     {0x6DD, 0x6DD},     {0x70F, 0x70F},     {0x890, 0x891},
                                {0x8E2, 0x8E2},     {0xD4E, 0xD4E},     {0x110BD, 0x110BD}, {0x110CD, 0x110CD},
                                {0x111C2, 0x111C3}, {0x113D1, 0x113D1}, {0x1193F, 0x1193F}, {0x11941, 0x11941},
                                {0x11A84, 0x11A89}, {0x11D46, 0x11D46}, {0x11F02, 0x11F02}};

bool among(std::span<const Range> ranges, char32_t code) {
  return std::ranges::any_of(ranges, [&](Range range) { return range.first <= code && code <= range.last; });
}

enum class Kind : std::uint8_t { kOther, kControl, kJoiner, kPrepended };

Kind kind_of(char32_t code) {
  if (code < 0x300) return category(code) == Category::kCc || code == 0xAD ? Kind::kControl : Kind::kOther;
  if (among(kJoiners, code)) return Kind::kJoiner;
  if (among(kPrepended, code)) return Kind::kPrepended;
  if (is_mark(code)) return among(kLoners, code) ? Kind::kOther : Kind::kJoiner;
  const Category group = category(code);
  const bool control = group == Category::kCf || group == Category::kZl || group == Category::kZp;
  return control ? Kind::kControl : Kind::kOther;
}

}  // namespace

std::size_t cluster_end(std::string_view text, std::size_t at) {
  if (text.substr(at).starts_with("\r\n")) return at + 2;
  Kind before = kind_of(next_code_point(text, at));
  while (at < text.size() && before != Kind::kControl) {
    // Two characters of ASCII are apart.
    if (before == Kind::kOther && static_cast<unsigned char>(text[at]) < 0x80) break;
    std::size_t next = at;
    const Kind after = kind_of(next_code_point(text, next));
    if (after == Kind::kControl || (after != Kind::kJoiner && before != Kind::kPrepended)) break;
    before = after;
    at = next;
  }
  return at;
}

}  // namespace ipfs_accelerate::input
