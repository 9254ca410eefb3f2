// Unicode properties: look-ups in the generated tables, and the normal forms (UAX 15).
#include "input/text/unicode.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include "input/text/utf8.h"

namespace ipfs_accelerate::input {
namespace {

struct Composition {
  std::uint32_t first, second, composed;
};
struct CombiningRange {
  std::uint32_t first, last;
  std::uint8_t combining_class;
};
struct LowerPair {
  std::uint32_t upper, lower;
};

#include "input/text/unicode_tables.inc"

constexpr std::uint8_t kCategoryBits = 31, kHasCanonical = 32, kHasCompatible = 64, kIsCombining = 128;

std::uint8_t properties(char32_t code) {
  if (code > 0x10FFFF) return 0;
  return kPages[kPageIndex[code >> 7] * 128u + (code & 127)];
}

// Hangul syllables are computed: UAX 15, section 16.
constexpr char32_t kHangul = 0xAC00, kLead = 0x1100, kVowel = 0x1161, kTail = 0x11A7;
constexpr char32_t kLeads = 19, kVowels = 21, kTails = 28, kHangulCount = kLeads * kVowels * kTails;

std::span<const std::uint32_t> look_up(std::span<const std::uint32_t> keys, const std::uint16_t* starts,
                                       const std::uint32_t* data, char32_t code) {
  const auto found = std::ranges::lower_bound(keys, static_cast<std::uint32_t>(code));
  if (found == keys.end() || *found != code) return {};
  const auto index = found - keys.begin();
  return {data + starts[index], data + starts[index + 1]};
}

std::uint8_t combining_class(char32_t code) {
  if (!(properties(code) & kIsCombining)) return 0;
  const auto found =
      std::ranges::lower_bound(kCombiningRanges, static_cast<std::uint32_t>(code), {}, &CombiningRange::last);
  return found->combining_class;
}

// The composed code point, or 0.
char32_t compose(char32_t first, char32_t second) {
  if (first - kLead < kLeads && second - kVowel < kVowels) {
    return kHangul + ((first - kLead) * kVowels + (second - kVowel)) * kTails;
  }
  if (first - kHangul < kHangulCount && (first - kHangul) % kTails == 0 && second - kTail - 1 < kTails - 1) {
    return first + (second - kTail);
  }
  const auto key = std::pair<std::uint32_t, std::uint32_t>(first, second);
  const auto found = std::ranges::lower_bound(kCompositions, key, {},
                                              [](const Composition& c) { return std::pair(c.first, c.second); });
  return found != std::end(kCompositions) && found->first == first && found->second == second ? found->composed : 0;
}

void append_decomposition(std::vector<Change>& out, char32_t code, bool compatible) {
  const std::uint8_t flags = properties(code);
  if (code - kHangul < kHangulCount) {
    const char32_t index = code - kHangul;
    out.push_back({kLead + index / (kVowels * kTails), 0});
    out.push_back({kVowel + index % (kVowels * kTails) / kTails, 1});
    if (index % kTails) out.push_back({kTail + index % kTails, 1});
    return;
  }
  std::span<const std::uint32_t> parts;
  if (compatible && (flags & kHasCompatible)) {
    parts = look_up(kCompatibleKeys, kCompatibleStarts, kCompatibleData, code);
  } else if (flags & kHasCanonical) {
    parts = look_up(kCanonicalKeys, kCanonicalStarts, kCanonicalData, code);
  }
  if (parts.empty()) out.push_back({code, 0});
  for (std::size_t i = 0; i < parts.size(); ++i) out.push_back({parts[i], i > 0});
}

// Puts runs of combining marks into canonical order.
void reorder(std::vector<Change>& text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!combining_class(text[i].code)) continue;
    std::size_t end = i;
    while (end < text.size() && combining_class(text[end].code)) ++end;
    std::stable_sort(
        text.begin() + static_cast<std::ptrdiff_t>(i), text.begin() + static_cast<std::ptrdiff_t>(end),
        [](const Change& a, const Change& b) { return combining_class(a.code) < combining_class(b.code); });
    i = end;
  }
}

// Composes a decomposed, ordered text in place.
void recompose(std::vector<Change>& text) {
  constexpr std::size_t kNone = ~std::size_t{0};
  std::size_t starter = kNone, size = 0;
  int last_class = -1;  // of what lies between the starter and here; -1: nothing
  for (const Change& next : text) {
    const int next_class = combining_class(next.code);
    if (starter != kNone && last_class < next_class) {
      if (const char32_t composed = compose(text[starter].code, next.code)) {
        text[starter] = {composed, text[starter].change + next.change - 1};
        continue;
      }
    }
    if (next_class == 0) {
      starter = size;
      last_class = -1;
    } else {
      last_class = next_class;
    }
    text[size++] = next;
  }
  text.resize(size);
}

}  // namespace

CategorySet category_set(std::string_view name) {
  static constexpr std::string_view kNames = "CnLuLlLtLmLoMnMcMeNdNlNoPcPdPsPePiPfPoSmScSkSoZsZlZpCcCfCsCo";
  CategorySet set = 0;
  if (name.empty() || name.size() > 2) return 0;
  for (std::size_t i = 0; i < kNames.size(); i += 2) {
    if (kNames.substr(i, name.size()) == name) set |= 1u << (i / 2);
  }
  return set;
}

Category category(char32_t code) { return static_cast<Category>(properties(code) & kCategoryBits); }

bool is_white_space(char32_t code) {
  if (code < 0x80) return code == ' ' || (code >= 9 && code <= 13);
  return code == 0x85 || code == 0xA0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 ||
         code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

bool is_letter(char32_t code) {
  const Category c = category(code);
  return c >= Category::kLu && c <= Category::kLo;
}
bool is_mark(char32_t code) {
  const Category c = category(code);
  return c >= Category::kMn && c <= Category::kMe;
}
bool is_number(char32_t code) {
  const Category c = category(code);
  return c >= Category::kNd && c <= Category::kNo;
}
bool is_mark_nonspacing(char32_t code) { return category(code) == Category::kMn; }
bool is_other(char32_t code) {
  const Category c = category(code);
  return c >= Category::kCc && c != Category::kCs;
}

bool is_word(char32_t code) {
  const Category c = category(code);
  if ((c >= Category::kLu && c <= Category::kNl) || c == Category::kPc) return true;
  // Join controls, and the symbols that are alphabetic (enclosed letters).
  return code == 0x200C || code == 0x200D || (code >= 0x24B6 && code <= 0x24E9) ||
         (code >= 0x1F130 && code <= 0x1F149) || (code >= 0x1F150 && code <= 0x1F169) ||
         (code >= 0x1F170 && code <= 0x1F189);
}

bool is_punctuation(char32_t code) {
  if (code < 0x80)
    return (code >= 33 && code <= 47) || (code >= 58 && code <= 64) || (code >= 91 && code <= 96) ||
           (code >= 123 && code <= 126);
  const Category c = category(code);
  return c >= Category::kPc && c <= Category::kPo;
}

char32_t to_lower(char32_t code, char32_t& second) {
  second = 0;
  if (code < 0x80) return code >= 'A' && code <= 'Z' ? code + 32 : code;
  if (code == 0x130) {
    second = 0x307;
    return 'i';
  }
  const auto found = std::ranges::lower_bound(kLowerPairs, static_cast<std::uint32_t>(code), {}, &LowerPair::upper);
  return found != std::end(kLowerPairs) && found->upper == code ? found->lower : code;
}

char32_t fold_case(char32_t code) {
  if (code == 0x17F) return 's';  // long s
  char32_t second;
  return to_lower(code, second);
}

bool surely_normal(std::string_view text, NormalForm form) {
  // The first code point that can change: U+0300 for NFC, U+00C0 for NFD, U+00A0 for the compatible forms. Below them
  // lead bytes decide: 0xCC starts U+0300, 0xC3 starts U+00C0, 0xC2 starts U+0080.
  const unsigned char first = form == NormalForm::kNfc ? 0xCC : form == NormalForm::kNfd ? 0xC3 : 0xC2;
  return std::ranges::all_of(text, [&](char byte) { return static_cast<unsigned char>(byte) < first; });
}

Result<std::vector<Change>> normalize(std::string_view text, NormalForm form, const TextBounds& bounds,
                                      std::string_view step) {
  const bool compatible = form == NormalForm::kNfkc || form == NormalForm::kNfkd;
  std::vector<Change> result;
  result.reserve(text.size());
  std::size_t visited = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (++visited % kBoundsInterval == 0) IA_TRY(bounds.check(result.size(), step));  // each has a byte or more
    append_decomposition(result, next_code_point(text, at), compatible);
  }
  reorder(result);
  if (form == NormalForm::kNfc || form == NormalForm::kNfkc) recompose(result);
  return result;
}

}  // namespace ipfs_accelerate::input
