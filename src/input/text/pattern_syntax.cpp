// Parser of regular expressions (the part of Oniguruma's syntax that published tokenizers use).
#include "input/text/pattern_syntax.h"

#include <utility>

#include "input/text/utf8.h"

namespace ipfs_accelerate::input {
namespace {

using Kind = PatternNode::Kind;
constexpr int kMaxGroups = 32;              // nested
constexpr std::uint32_t kMaxRepeat = 1000;  // in braces

class Parser {
 public:
  explicit Parser(std::string_view source) : source_(source) {}

  Result<PatternNode> whole() {
    IA_ASSIGN(PatternNode node, alternatives());
    if (!at_end()) return unsupported("an unmatched ')'");
    return node;
  }

 private:
  bool at_end() const { return at_ >= source_.size(); }
  bool take(std::string_view text) {
    if (!source_.substr(at_).starts_with(text)) return false;
    at_ += text.size();
    return true;
  }
  std::unexpected<Error> unsupported(std::string_view what) const {
    return fail(ErrorCode::kUnsupportedTokenizer,
                "tokenizer.json: the pattern '{}' has {} at byte {}, which is not supported", source_, what, at_);
  }

  Result<PatternNode> alternatives() {
    if (++depth_ > kMaxGroups) return unsupported("groups nested deeper than 32");
    const bool fold = fold_;
    PatternNode node{.kind = Kind::kAlternatives};
    do {
      IA_ASSIGN(PatternNode next, sequence());
      node.children.push_back(std::move(next));
    } while (take("|"));
    fold_ = fold;  // (?i) holds to the end of its group
    --depth_;
    if (node.children.size() == 1) return PatternNode(std::move(node.children[0]));
    return node;
  }

  Result<PatternNode> sequence() {
    PatternNode node{.kind = Kind::kSequence};
    while (!at_end() && source_[at_] != '|' && source_[at_] != ')') {
      if (take("(?i)")) {
        fold_ = true;
        continue;
      }
      IA_ASSIGN(PatternNode item, atom());
      IA_ASSIGN(item, quantified(std::move(item)));
      node.children.push_back(std::move(item));
    }
    return node;
  }

  Result<PatternNode> atom() {
    if (take("(")) return group();
    if (take("[")) return char_class();
    if (take("^")) return PatternNode{.kind = Kind::kLineStart};
    if (take("$")) return PatternNode{.kind = Kind::kLineEnd};
    PatternNode node{.kind = Kind::kSet};
    if (take(".")) {
      node.set.ranges.emplace_back('\n', '\n');
      node.set.negated = true;
    } else if (take("\\")) {
      IA_TRY(escape(node.set));
    } else {
      if (source_[at_] == '*' || source_[at_] == '+' || source_[at_] == '?')
        return unsupported("a quantifier without a subject");
      add(node.set, next_code_point(source_, at_));
    }
    return finished(std::move(node));
  }

  PatternNode finished(PatternNode node) const {
    node.set.fold = fold_;
    node.set.finish();
    return node;
  }

  void add(CharSet& set, char32_t code) const {
    if (fold_) code = fold_case(code);
    set.ranges.emplace_back(code, code);
  }

  Result<PatternNode> group() {
    const bool fold = fold_;
    PatternNode look{.kind = Kind::kSequence};
    if (take("?:")) {
    } else if (take("?i:")) {
      fold_ = true;
    } else if (take("?=") || take("?!")) {
      look.kind = Kind::kLookAhead;
    } else if (take("?<=") || take("?<!")) {
      look.kind = Kind::kLookBehind;
    } else if (take("?")) {
      return unsupported("this kind of group");
    }
    look.negated = look.kind != Kind::kSequence && source_[at_ - 1] == '!';
    IA_ASSIGN(PatternNode inside, alternatives());
    if (!take(")")) return unsupported("a group without its ')'");
    fold_ = fold;
    if (look.kind == Kind::kSequence) return inside;
    if (look.kind == Kind::kLookBehind) {
      while (inside.kind == Kind::kSequence && inside.children.size() == 1)
        inside = PatternNode(std::move(inside.children[0]));
      if (inside.kind != Kind::kSet) return unsupported("a look-behind of more than one character");
    }
    look.children.push_back(std::move(inside));
    return look;
  }

  // What follows a backslash, added to a set.
  Result<void> escape(CharSet& set) {
    if (at_end()) return unsupported("a lone backslash");
    const char32_t code = next_code_point(source_, at_);
    switch (code) {
      case 's': set.space = true; return {};
      case 'S': set.not_space = true; return {};
      case 'w': set.word = true; return {};
      case 'W': set.not_word = true; return {};
      case 'd': set.categories |= category_set("Nd"); return {};
      case 'D': set.categories |= ~category_set("Nd"); return {};
      case 'p':
      case 'P': return property(set, code == 'P');
      default: break;
    }
    IA_ASSIGN(const char32_t literal, escaped_literal(code));
    add(set, literal);
    return {};
  }

  Result<char32_t> escaped_literal(char32_t code) {
    switch (code) {
      case 'r': return U'\r';
      case 'n': return U'\n';
      case 't': return U'\t';
      case 'f': return U'\f';
      case 'v': return U'\v';
      case 'x': return hexadecimal(2);
      case 'u': return hexadecimal(4);
      default: break;
    }
    const bool letter_or_digit = code < 128 && ((code | 32) - 'a' < 26u || code - '0' < 10u);
    if (letter_or_digit) return unsupported("this escape");
    return code;
  }

  Result<char32_t> hexadecimal(std::size_t digits) {
    const bool braces = take("{");
    char32_t value = 0;
    std::size_t count = 0;
    for (; !at_end() && count < (braces ? 6 : digits); ++count, ++at_) {
      const unsigned char c = static_cast<unsigned char>(source_[at_]);
      const unsigned digit = c - '0' < 10u ? c - '0' : (c | 32u) - 'a' < 6u ? (c | 32u) - 'a' + 10 : 16;
      if (digit == 16) break;
      value = value * 16 + digit;
    }
    if (count == 0 || (!braces && count != digits) || (braces && !take("}")) || value > 0x10FFFF) {
      return unsupported("a malformed hexadecimal escape");
    }
    return value;
  }

  Result<void> property(CharSet& set, bool negated) {
    const std::size_t end = source_.find('}', at_);
    if (!take("{") || end == std::string_view::npos) return unsupported("a malformed property");
    if (take("^")) negated = !negated;
    const CategorySet named = category_set(source_.substr(at_, end - at_));
    if (named == 0) return unsupported("this property");
    at_ = end + 1;
    set.categories |= negated ? ~named : named;
    return {};
  }

  Result<PatternNode> char_class() {
    PatternNode node{.kind = Kind::kSet};
    const bool negated = take("^");
    for (bool first = true;; first = false) {
      if (at_end()) return unsupported("a class without its ']'");
      if (!first && take("]")) break;
      if (source_.substr(at_).starts_with("&&")) return unsupported("an intersection of classes");
      if (take("[")) {
        IA_TRY(nested_class(node.set));
      } else {
        IA_TRY(class_item(node.set));
      }
    }
    node.set.negated = negated;
    return finished(std::move(node));
  }

  // A class in a class: the union.
  Result<void> nested_class(CharSet& set) {
    if (++depth_ > kMaxGroups) return unsupported("classes nested deeper than 32");
    if (source_.substr(at_).starts_with(":")) return unsupported("a POSIX class");
    IA_ASSIGN(const PatternNode inside, char_class());
    --depth_;
    if (inside.set.negated) return unsupported("a negated class in a class");
    set.ranges.insert(set.ranges.end(), inside.set.ranges.begin(), inside.set.ranges.end());
    set.categories |= inside.set.categories;
    set.space |= inside.set.space;
    set.not_space |= inside.set.not_space;
    set.word |= inside.set.word;
    set.not_word |= inside.set.not_word;
    return {};
  }

  // A code point, a range or an escape in a class.
  Result<void> class_item(CharSet& set) {
    char32_t low;
    if (take("\\")) {
      const std::size_t start = at_;
      if (at_end()) return unsupported("a lone backslash");
      const char32_t code = next_code_point(source_, at_);
      if (std::u32string_view(U"sSwWdDpP").find(code) != std::u32string_view::npos) {
        at_ = start;
        return escape(set);
      }
      IA_ASSIGN(low, escaped_literal(code));
    } else {
      low = next_code_point(source_, at_);
    }
    const bool range = source_.substr(at_).starts_with("-") && at_ + 1 < source_.size() && source_[at_ + 1] != ']';
    if (!range) {
      add(set, low);
      return {};
    }
    ++at_;
    char32_t high;
    if (take("\\")) {
      if (at_end()) return unsupported("a lone backslash");
      IA_ASSIGN(high, escaped_literal(next_code_point(source_, at_)));
    } else {
      high = next_code_point(source_, at_);
    }
    if (high < low) return unsupported("a range that runs backwards");
    set.ranges.emplace_back(low, high);
    return {};
  }

  Result<PatternNode> quantified(PatternNode subject) {
    PatternNode repeat{.kind = Kind::kRepeat};
    bool braces = false;
    if (take("*")) {
      repeat.max = kUnbounded;
    } else if (take("+")) {
      repeat.min = 1;
      repeat.max = kUnbounded;
    } else if (take("?")) {
      repeat.max = 1;
    } else if (at_ + 1 < source_.size() && source_[at_] == '{' && static_cast<unsigned>(source_[at_ + 1] - '0') < 10) {
      IA_TRY(bounds(repeat));
      braces = true;
    } else {
      return subject;
    }
    if (subject.kind == Kind::kLookAhead || subject.kind == Kind::kLookBehind)
      return unsupported("a repeated look-around");
    if (take("?")) {
      repeat.mode = PatternNode::Mode::kLazy;
    } else if (!braces && take("+")) {
      if (subject.kind != Kind::kSet) return unsupported("a possessive group");
      repeat.mode = PatternNode::Mode::kPossessive;
    }
    if (!at_end() && (source_[at_] == '*' || source_[at_] == '+' || source_[at_] == '?'))
      return unsupported("a repeated quantifier");
    repeat.children.push_back(std::move(subject));
    return repeat;
  }

  Result<void> bounds(PatternNode& repeat) {
    const auto number = [&] {
      std::uint32_t value = 0;
      for (; !at_end() && static_cast<unsigned>(source_[at_] - '0') < 10; ++at_) {
        if (value <= kMaxRepeat) value = value * 10 + static_cast<std::uint32_t>(source_[at_] - '0');
      }
      return value;
    };
    ++at_;
    repeat.min = repeat.max = number();
    if (take(",")) {
      const bool open = !at_end() && source_[at_] == '}';
      repeat.max = open ? kUnbounded : number();
    }
    const bool too_many = repeat.min > kMaxRepeat || (repeat.max > kMaxRepeat && repeat.max != kUnbounded);
    if (!take("}") || too_many || repeat.max < repeat.min) return unsupported("a quantifier with such bounds");
    return {};
  }

  std::string_view source_;
  std::size_t at_ = 0;
  int depth_ = 0;
  bool fold_ = false;
};

}  // namespace

Result<PatternNode> parse_pattern(std::string_view source) { return Parser(source).whole(); }

}  // namespace ipfs_accelerate::input
