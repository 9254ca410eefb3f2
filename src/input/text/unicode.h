// Unicode properties and normal forms, from tables made of Python's unicodedata at build time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "input/text/text_bounds.h"

namespace ipfs_accelerate::input {

/// General categories, in the order tools/gen_unicode.py writes them.
enum class Category : std::uint8_t {
  kCn,
  kLu,
  kLl,
  kLt,
  kLm,
  kLo,
  kMn,
  kMc,
  kMe,
  kNd,
  kNl,
  kNo,
  kPc,
  kPd,
  kPs,
  kPe,
  kPi,
  kPf,
  kPo,
  kSm,
  kSc,
  kSk,
  kSo,
  kZs,
  kZl,
  kZp,
  kCc,
  kCf,
  kCs,
  kCo,
};

/// A set of general categories, one bit each.
using CategorySet = std::uint32_t;
constexpr CategorySet category_bit(Category category) { return 1u << static_cast<unsigned>(category); }
/// The set named "L", "Lu", "N", "P" ...; 0 when there is no such name.
CategorySet category_set(std::string_view name);

Category category(char32_t code);
inline bool in_categories(char32_t code, CategorySet set) { return (category_bit(category(code)) & set) != 0; }

/// White_Space, the property.
bool is_white_space(char32_t code);
/// Letters, numbers (Nd, Nl), marks, connectors, join controls: \w.
bool is_word(char32_t code);
bool is_letter(char32_t code);
/// Nd, Nl, No.
bool is_number(char32_t code);
/// P*, and all ASCII punctuation.
bool is_punctuation(char32_t code);
bool is_mark_nonspacing(char32_t code);
/// Mn, Mc, Me.
bool is_mark(char32_t code);
/// Control, format, private use (not unassigned).
bool is_other(char32_t code);

/// Lower case without context; U+0130 gives two code points and is the only one: then `second` is set, else 0.
char32_t to_lower(char32_t code, char32_t& second);
/// Lower case for comparing: one code point.
char32_t fold_case(char32_t code);

enum class NormalForm : std::uint8_t { kNfc, kNfd, kNfkc, kNfkd };

/// One code point of a normalized text and what it did to the source: 0 takes the place of one source code point, 1 is
/// new, -n takes the place of one and swallows the n after it.
struct Change {
  char32_t code;
  std::int32_t change;
};

/// True where the text surely is in the form already (a quick look, not a proof of the opposite).
bool surely_normal(std::string_view text, NormalForm form);
/// The text in the form. `text` is valid UTF-8; `step` is who asks, for errors.
Result<std::vector<Change>> normalize(std::string_view text, NormalForm form, const TextBounds& bounds,
                                      std::string_view step);

}  // namespace ipfs_accelerate::input
