// Compiling patterns to small programs, and matching by backtracking.
#include "input/text/pattern.h"

#include <algorithm>
#include <utility>

#include "input/text/pattern_syntax.h"
#include "input/text/utf8.h"

namespace ipfs_accelerate::input {

bool CharSet::holds(char32_t code) const {
  for (const auto& [low, high] : ranges) {
    if (code >= low && code <= high) return true;
  }
  if (categories && in_categories(code, categories)) return true;
  if (space || not_space) {
    const bool is_space = is_white_space(code);
    if ((space && is_space) || (not_space && !is_space)) return true;
  }
  if (!word && !not_word) return false;
  const bool is_word_character = is_word(code);
  return (word && is_word_character) || (not_word && !is_word_character);
}

bool CharSet::contains_slow(char32_t code) const {
  bool found = holds(code);
  if (!found && fold) {
    const char32_t folded = fold_case(code);
    found = (folded != code && holds(folded)) || (code >= 'a' && code <= 'z' && holds(code - 32));
  }
  return found != negated;
}

void CharSet::finish() {
  for (char32_t code = 0; code < 128; ++code) ascii[code] = contains_slow(code);
}

std::bitset<256> CharSet::first_bytes() const {
  std::bitset<256> bytes;
  for (std::size_t i = 0; i < 128; ++i) bytes[i] = ascii[i];
  const bool only_ascii = !negated && !categories && !space && !not_space && !word && !not_word && !fold &&
                          std::ranges::all_of(ranges, [](const auto& range) { return range.second < 128; });
  for (std::size_t i = 0xC2; i < 256 && !only_ascii; ++i) bytes.set(i);
  return bytes;
}

// Turns the tree into instructions.
class PatternCompiler {
 public:
  explicit PatternCompiler(Pattern& pattern) : pattern_(pattern) {}
  using Op = Pattern::Op;
  using Kind = PatternNode::Kind;

  Result<void> whole(const PatternNode& root) {
    IA_TRY(emit(root));
    add({.op = Op::kMatch});
    pattern_.can_be_empty_ = first_of(root, pattern_.first_);
    return {};
  }

 private:
  static constexpr std::size_t kMaxInstructions = 20000;

  std::uint32_t here() const { return static_cast<std::uint32_t>(pattern_.code_.size()); }
  std::uint32_t add(Pattern::Instruction instruction) {
    pattern_.code_.push_back(instruction);
    return here() - 1;
  }
  Pattern::Instruction& at(std::uint32_t index) { return pattern_.code_[index]; }

  std::uint32_t add_set(const CharSet& set) {
    pattern_.sets_.push_back(set);
    return static_cast<std::uint32_t>(pattern_.sets_.size() - 1);
  }

  // Collects the bytes a match can start with; true when it may match nothing.
  static bool first_of(const PatternNode& node, std::bitset<256>& bytes) {
    switch (node.kind) {
      case Kind::kSet: bytes |= node.set.first_bytes(); return false;
      case Kind::kRepeat: return first_of(node.children[0], bytes) || node.min == 0;
      case Kind::kAlternatives: {
        bool empty = false;
        for (const PatternNode& child : node.children) empty |= first_of(child, bytes);
        return empty;
      }
      case Kind::kSequence:
        for (const PatternNode& child : node.children) {
          if (!first_of(child, bytes)) return false;
        }
        return true;
      default: return true;  // look-arounds and anchors consume nothing
    }
  }

  Result<void> emit(const PatternNode& node) {
    if (pattern_.code_.size() > kMaxInstructions) {
      return fail(ErrorCode::kUnsupportedTokenizer, "tokenizer.json: a pattern needs more than {} steps",
                  kMaxInstructions);
    }
    switch (node.kind) {
      case Kind::kSequence:
        for (const PatternNode& child : node.children) IA_TRY(emit(child));
        return {};
      case Kind::kSet: add({.op = Op::kSet, .a = add_set(node.set)}); return {};
      case Kind::kAlternatives: return emit_alternatives(node);
      case Kind::kRepeat: return emit_repeat(node);
      case Kind::kLineStart: add({.op = Op::kLineStart}); return {};
      case Kind::kLineEnd: add({.op = Op::kLineEnd}); return {};
      case Kind::kLookBehind:
        add({.op = Op::kBehind, .negated = node.negated, .a = add_set(node.children[0].set)});
        return {};
      case Kind::kLookAhead: {
        const std::uint32_t look = add({.op = Op::kLook, .negated = node.negated});
        IA_TRY(emit(node.children[0]));
        add({.op = Op::kMatch});
        at(look).b = here();
        return {};
      }
    }
    return {};
  }

  Result<void> emit_alternatives(const PatternNode& node) {
    std::vector<std::uint32_t> jumps;
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      const bool last = i + 1 == node.children.size();
      std::bitset<256> first;
      const bool empty = first_of(node.children[i], first);
      std::uint32_t choice = 0;
      if (!last && empty) choice = add({.op = Op::kSplit, .a = here() + 1});
      if (!last && !empty) {
        pattern_.firsts_.push_back(first);
        choice = add({.op = Op::kTry, .a = static_cast<std::uint32_t>(pattern_.firsts_.size() - 1)});
      }
      IA_TRY(emit(node.children[i]));
      if (last) break;
      jumps.push_back(add({.op = Op::kJump}));
      at(choice).b = here();
    }
    for (const std::uint32_t jump : jumps) at(jump).a = here();
    return {};
  }

  Result<void> emit_repeat(const PatternNode& node) {
    const PatternNode& child = node.children[0];
    const bool lazy = node.mode == PatternNode::Mode::kLazy;
    if (child.kind == Kind::kSet && !lazy) {
      const Op op = node.mode == PatternNode::Mode::kPossessive ? Op::kPossessive : Op::kLoop;
      add({.op = op, .a = add_set(child.set), .min = node.min, .max = node.max});
      return {};
    }
    for (std::uint32_t i = 0; i < node.min; ++i) IA_TRY(emit(child));
    if (node.max == kUnbounded) return emit_star(child, lazy);
    std::vector<std::uint32_t> exits;
    for (std::uint32_t i = node.min; i < node.max; ++i) {
      exits.push_back(add({.op = Op::kSplit}));
      IA_TRY(emit(child));
    }
    for (const std::uint32_t split : exits) choose(split, split + 1, here(), lazy);
    return {};
  }

  Result<void> emit_star(const PatternNode& child, bool lazy) {
    const std::uint32_t split = add({.op = Op::kSplit});
    const std::uint32_t slot = pattern_.slots_++;
    add({.op = Op::kMark, .a = slot});
    IA_TRY(emit(child));
    add({.op = Op::kProgress, .a = slot});
    add({.op = Op::kJump, .a = split});
    choose(split, split + 1, here(), lazy);
    return {};
  }

  void choose(std::uint32_t split, std::uint32_t body, std::uint32_t exit, bool lazy) {
    at(split).a = lazy ? exit : body;
    at(split).b = lazy ? body : exit;
  }

  Pattern& pattern_;
};

// One search through one text.
class PatternRun {
 public:
  PatternRun(const Pattern& pattern, std::string_view text, const TextBounds& bounds)
      : pattern_(pattern),
        text_(text),
        bounds_(bounds),
        steps_left_(1'000'000 + 64 * text.size()),
        slots_(pattern.slots_, ~std::size_t{0}) {}

  // Where the match that starts at `start` ends; nothing when there is none.
  bool match_at(std::size_t start, std::size_t& end) {
    std::ranges::fill(slots_, ~std::size_t{0});
    end = start;
    return run(0, end);
  }
  bool exhausted() const { return steps_left_ == 0; }

 private:
  using Op = Pattern::Op;
  struct Choice {
    std::uint32_t pc;
    std::size_t at, lowest;  // of a loop: how far it may give back
  };

  bool member(std::uint32_t set, std::size_t& at) const {
    if (at >= text_.size()) return false;
    std::size_t next = at;
    if (!pattern_.sets_[set].contains(next_code_point(text_, next))) return false;
    at = next;
    return true;
  }

  // Takes back the latest choice; false when there is none above `base`.
  bool back(std::size_t base, std::uint32_t& pc, std::size_t& at) {
    if (choices_.size() == base || steps_left_ == 0) return false;
    --steps_left_;
    // A stop ends the search as if its steps were used up.
    if (steps_left_ % kBoundsInterval == 0 && bounds_.stopped()) steps_left_ = 0;
    Choice& choice = choices_.back();
    pc = choice.pc;
    if (choice.at > choice.lowest) previous_code_point(text_, choice.at);
    at = choice.at;
    if (choice.at <= choice.lowest) choices_.pop_back();
    return true;
  }

  bool loop(const Pattern::Instruction& step, std::uint32_t pc, std::size_t& at) {
    std::uint32_t count = 0;
    while (count < step.min && member(step.a, at)) ++count;
    if (count < step.min) return false;
    const std::size_t lowest = at;
    while (count < step.max && member(step.a, at)) ++count;
    // What a loop passes over again and again counts too: a possessive one never goes back.
    steps_left_ -= std::min<std::size_t>(steps_left_, count / 4);
    if (step.op == Op::kLoop && at > lowest) choices_.push_back({pc + 1, at, lowest});
    return true;
  }

  bool behind(const Pattern::Instruction& step, std::size_t at) const {
    bool found = false;
    if (at > 0) found = pattern_.sets_[step.a].contains(previous_code_point(text_, at));
    return found != step.negated;
  }

  bool look(const Pattern::Instruction& step, std::uint32_t pc, std::size_t at) {
    return run(pc + 1, at) != step.negated;
  }

  // Runs from `pc` at `at`; leaves the end of the match in `at`.
  bool run(std::uint32_t pc, std::size_t& at) {
    const std::size_t base = choices_.size();
    for (;;) {
      const Pattern::Instruction& step = pattern_.code_[pc];
      bool good = true;
      std::uint32_t next = pc + 1;
      switch (step.op) {
        case Op::kSet: good = member(step.a, at); break;
        case Op::kLoop:
        case Op::kPossessive: good = loop(step, pc, at); break;
        case Op::kJump: next = step.a; break;
        case Op::kSplit:
          choices_.push_back({step.b, at, at});
          next = step.a;
          break;
        case Op::kTry:
          if (at < text_.size() && pattern_.firsts_[step.a][static_cast<unsigned char>(text_[at])]) {
            choices_.push_back({step.b, at, at});
          } else {
            next = step.b;
          }
          break;
        case Op::kLook:
          good = look(step, pc, at);
          next = step.b;
          break;
        case Op::kBehind: good = behind(step, at); break;
        case Op::kLineStart: good = at == 0 || (text_[at - 1] == '\n' && at < text_.size()); break;
        case Op::kLineEnd: good = at == text_.size() || text_[at] == '\n'; break;
        case Op::kMark: slots_[step.a] = at; break;
        case Op::kProgress: good = slots_[step.a] != at; break;
        case Op::kMatch: choices_.resize(base); return true;
      }
      pc = next;
      if (!good && !back(base, pc, at)) {
        choices_.resize(base);
        return false;
      }
    }
  }

  const Pattern& pattern_;
  std::string_view text_;
  const TextBounds& bounds_;
  std::size_t steps_left_;
  std::vector<std::size_t> slots_;
  std::vector<Choice> choices_;
};

Pattern Pattern::literal(std::string text) {
  Pattern pattern;
  pattern.literal_ = std::move(text);
  return pattern;
}

Result<Pattern> Pattern::regex(std::string_view source) {
  IA_ASSIGN(const PatternNode root, parse_pattern(source));
  Pattern pattern;
  IA_TRY(PatternCompiler(pattern).whole(root));
  return pattern;
}

Result<Pattern> Pattern::from_json(const Fields& fields, std::string_view key) {
  const Json* value = fields.find(key);
  if (value && value->is_object() && value->size() == 1) {
    IA_ASSIGN(const Fields inside, Fields::of(*value, fields.where()));
    IA_ASSIGN(auto text, inside.optional_text("String"));
    if (text) return literal(*std::move(text));
    IA_ASSIGN(auto source, inside.optional_text("Regex"));
    if (source) return regex(*source);
  }
  return fields.wrong(key, "an object with String or Regex");
}

Result<void> Pattern::find_all(std::string_view text, std::vector<ByteRange>& matches, const TextBounds& bounds) const {
  matches.clear();
  if (code_.empty()) {
    for (std::size_t at = 0; !literal_.empty() && (at = text.find(literal_, at)) != text.npos; at += literal_.size()) {
      matches.push_back({at, at + literal_.size()});
    }
    return {};
  }
  PatternRun run(*this, text, bounds);
  std::size_t at = 0, tried = 0;
  while (at < text.size() || (can_be_empty_ && at == text.size())) {
    if (tried++ % kBoundsInterval == 0) IA_TRY(bounds.check_stop());
    std::size_t end;
    const bool possible = can_be_empty_ || first_[static_cast<unsigned char>(text[at])];
    const bool found = possible && run.match_at(at, end);
    if (run.exhausted()) IA_TRY(bounds.check_stop());
    if (run.exhausted())
      return fail(ErrorCode::kLimitExceeded, "a pattern of tokenizer.json takes too long on {} bytes of text",
                  text.size());
    // An empty match right behind a match is none.
    const bool counts = found && !(end == at && !matches.empty() && matches.back().end == at);
    if (counts) matches.push_back({at, end});
    if (found && end > at) {
      at = end;
    } else {
      at += at < text.size() ? utf8_length(static_cast<unsigned char>(text[at])) : 1;
    }
  }
  return {};
}

}  // namespace ipfs_accelerate::input
