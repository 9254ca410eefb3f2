// Patterns of tokenizer.json: plain strings and the regular expressions that published tokenizers use.
#pragma once

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "input/text/aligned_text.h"
#include "input/text/fields.h"
#include "input/text/text_bounds.h"
#include "input/text/unicode.h"

namespace ipfs_accelerate::input {

/// A set of code points: ASCII as bits, the rest as ranges, categories and properties.
struct CharSet {
  std::bitset<128> ascii;
  std::vector<std::pair<char32_t, char32_t>> ranges;  ///< inclusive
  CategorySet categories = 0;
  bool space = false, not_space = false, word = false, not_word = false;
  bool negated = false, fold = false;

  bool contains(char32_t code) const { return code < 128 ? ascii[code] : contains_slow(code); }
  /// Fills the bits for ASCII from the other fields.
  void finish();
  /// Bytes a member can start with.
  std::bitset<256> first_bytes() const;

 private:
  bool contains_slow(char32_t code) const;
  bool holds(char32_t code) const;
};

/// A compiled pattern. Supported: literals, escapes (\s \S \d \D \w \W \p{..} \P{..} \r \n \t \f \v \xHH \uHHHH),
/// classes with ranges and negation, `.`, `^`, `$`, groups (plain, ?:, ?i:), look-ahead, look-behind of one character,
/// `|`, and the quantifiers * + ? {n} {n,} {n,m}, greedy, lazy, and possessive (not after braces). Matching is by
/// backtracking, first alternative first, with a limit on steps.
class Pattern {
 public:
  /// kUnsupportedTokenizer for syntax outside the list, naming it.
  static Result<Pattern> regex(std::string_view source);
  static Pattern literal(std::string text);
  /// {"String": ...} or {"Regex": ...}.
  static Result<Pattern> from_json(const Fields& fields, std::string_view key);

  /// All matches, left to right, apart from each other.
  /// kLimitExceeded when the pattern takes too long; kCancelled.
  Result<void> find_all(std::string_view text, std::vector<ByteRange>& matches, const TextBounds& bounds) const;

 private:
  friend class PatternCompiler;
  friend class PatternRun;
  enum class Op : std::uint8_t {
    kSet,         // one code point of sets[a]
    kLoop,        // min to max code points of sets[a], as many as possible
    kPossessive,  // the same without giving any back
    kJump,        // to a
    kSplit,       // first a, then b
    kTry,         // skip to b when the next byte is not in firsts[a], else go on and try b later
    kLook,        // the code behind this must match (negated: must not) here; then on at b
    kBehind,      // the code point before must (negated: must not) be of sets[a]
    kLineStart,
    kLineEnd,
    kMark,      // notes the position in slot a
    kProgress,  // fails at the position noted in slot a: ends loops over nothing
    kMatch,
  };
  struct Instruction {
    Op op;
    bool negated = false;
    std::uint32_t a = 0, b = 0, min = 0, max = 0;
  };

  std::string literal_;  // of a plain string; then code_ is empty
  std::vector<Instruction> code_;
  std::vector<CharSet> sets_;
  std::vector<std::bitset<256>> firsts_;
  std::bitset<256> first_;  // bytes a match can start with
  bool can_be_empty_ = false;
  std::uint32_t slots_ = 0;
};

}  // namespace ipfs_accelerate::input
