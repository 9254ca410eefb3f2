// The pre-tokenizers.
#include "input/text/pre_tokenizer.h"

#include <array>
#include <functional>
#include <utility>

#include "input/text/normalizer.h"
#include "input/text/pattern.h"
#include "input/text/unicode.h"
#include "input/text/utf8.h"

namespace ipfs_accelerate::input {
namespace {

// What becomes of a delimiter.
enum class Behavior : std::uint8_t { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

Result<Behavior> behavior_of(const Fields& fields) {
  if (!fields.find("behavior")) return Behavior::kIsolated;
  IA_ASSIGN(const std::string name, fields.text("behavior"));
  if (name == "Removed") return Behavior::kRemoved;
  if (name == "Isolated") return Behavior::kIsolated;
  if (name == "MergedWithPrevious") return Behavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return Behavior::kMergedWithNext;
  if (name == "Contiguous") return Behavior::kContiguous;
  return fields.unsupported("behavior " + name);
}

// A part of a piece: a delimiter or what lies between two.
struct Part {
  std::size_t begin, end;
  bool delimiter;
};

// Fills in what lies between the matches; `invert` swaps the two kinds.
void cover(std::size_t size, const std::vector<ByteRange>& matches, bool invert, std::vector<Part>& parts) {
  parts.clear();
  std::size_t done = 0;
  for (const auto [begin, end] : matches) {
    if (done < begin) parts.push_back({done, begin, invert});
    if (begin < end) parts.push_back({begin, end, !invert});
    done = end;
  }
  if (done < size) parts.push_back({done, size, invert});
}

// Joins a delimiter to the part before or after it (not to another delimiter that was joined), or equal neighbours.
void merge(std::vector<Part>& parts, Behavior behavior) {
  const bool backwards = behavior == Behavior::kMergedWithNext;
  if (backwards) std::ranges::reverse(parts);
  bool previous = false;
  std::size_t size = 0;
  for (const Part part : parts) {
    const bool joins = behavior == Behavior::kContiguous ? part.delimiter == previous : part.delimiter && !previous;
    previous = part.delimiter;
    if (!joins || size == 0) {
      parts[size++] = part;
    } else if (backwards) {
      parts[size - 1].begin = part.begin;
    } else {
      parts[size - 1].end = part.end;
    }
  }
  parts.resize(size);
  if (backwards) std::ranges::reverse(parts);
}

// Splits one piece's parts into pieces that start at `base`.
void emit(std::vector<Part>& parts, Behavior behavior, std::size_t base, std::vector<Piece>& out) {
  if (behavior != Behavior::kRemoved && behavior != Behavior::kIsolated) merge(parts, behavior);
  for (const Part& part : parts) {
    if (behavior == Behavior::kRemoved && part.delimiter) continue;
    out.push_back({base + part.begin, base + part.end});
  }
}

// Calls visit(piece, out) for each piece that is no added token.
template <class Visit>
Result<void> split_pieces(SplitText& split, const TextBounds& bounds, Visit visit) {
  std::vector<Piece> out;
  out.reserve(split.pieces.size() + split.text.text.size() / 4);
  for (const Piece& piece : split.pieces) {
    IA_TRY(bounds.check_stop());
    if (piece.id != -1) {
      out.push_back(piece);
    } else {
      IA_TRY(visit(piece, out));
    }
  }
  split.pieces = std::move(out);
  return {};
}

Result<void> split_by_pattern(SplitText& split, const TextBounds& bounds, const Pattern& pattern, bool invert,
                              Behavior behavior) {
  std::vector<ByteRange> matches;
  std::vector<Part> parts;
  return split_pieces(split, bounds, [&](const Piece& piece, std::vector<Piece>& out) -> Result<void> {
    IA_TRY(pattern.find_all(split.view(piece), matches, bounds));
    cover(piece.end - piece.begin, matches, invert, parts);
    emit(parts, behavior, piece.begin, out);
    return {};
  });
}

template <class Is>
Result<void> split_by_characters(SplitText& split, const TextBounds& bounds, Is is_delimiter, Behavior behavior) {
  std::vector<ByteRange> matches;
  std::vector<Part> parts;
  return split_pieces(split, bounds, [&](const Piece& piece, std::vector<Piece>& out) -> Result<void> {
    matches.clear();
    const std::string_view text = split.view(piece);
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t begin = at;
      if (is_delimiter(next_code_point(text, at))) matches.push_back({begin, at});
    }
    cover(text.size(), matches, false, parts);
    emit(parts, behavior, piece.begin, out);
    return {};
  });
}

// White space is dropped, punctuation stands alone; in one pass, as this one is the most used.
class BertPreTokenizer final : public PreTokenizer {
 public:
  Result<void> run(SplitText& split, const TextBounds& bounds) const override {
    return split_pieces(split, bounds, [&](const Piece& piece, std::vector<Piece>& out) -> Result<void> {
      const std::string_view text = split.text.text;
      std::size_t begin = piece.begin;
      for (std::size_t at = piece.begin; at < piece.end;) {
        const std::size_t here = at;
        const char32_t code = next_code_point(text, at);
        const std::uint8_t kind = code < 128 ? kKinds[code] : kind_of(code);
        if (kind == 0) continue;
        if (begin < here) out.push_back({begin, here});
        if (kind == 2) out.push_back({here, at});
        begin = at;
      }
      if (begin < piece.end) out.push_back({begin, piece.end});
      return {};
    });
  }

 private:
  // 0: part of a word, 1: white space, 2: punctuation.
  static std::uint8_t kind_of(char32_t code) { return is_white_space(code) ? 1 : is_punctuation(code) ? 2 : 0; }
  static inline const std::array<std::uint8_t, 128> kKinds = [] {
    std::array<std::uint8_t, 128> kinds{};
    for (std::size_t i = 0; i < kinds.size(); ++i) kinds[i] = kind_of(static_cast<char32_t>(i));
    return kinds;
  }();
};

class SplitByPattern final : public PreTokenizer {
 public:
  SplitByPattern(Pattern pattern, bool invert, Behavior behavior)
      : pattern_(std::move(pattern)), invert_(invert), behavior_(behavior) {}
  Result<void> run(SplitText& split, const TextBounds& bounds) const override {
    return split_by_pattern(split, bounds, pattern_, invert_, behavior_);
  }

 private:
  Pattern pattern_;
  bool invert_;
  Behavior behavior_;
};

class SplitByCharacters final : public PreTokenizer {
 public:
  SplitByCharacters(bool (*is_delimiter)(char32_t), Behavior behavior)
      : is_delimiter_(is_delimiter), behavior_(behavior) {}
  Result<void> run(SplitText& split, const TextBounds& bounds) const override {
    return split_by_characters(split, bounds, is_delimiter_, behavior_);
  }

 private:
  bool (*is_delimiter_)(char32_t);
  Behavior behavior_;
};

// Rewrites the text piece by piece: begin(piece, out) and then visit(byte, out) for each byte of it append what comes
// in its place, a character at most.
template <class Begin, class Visit>
Result<void> rewrite_pieces(SplitText& split, const TextBounds& bounds, std::string_view step, Begin begin_piece,
                            Visit visit) {
  AlignedText out;
  out.reserve(split.text.text.size() + split.text.text.size() / 4);
  for (Piece& piece : split.pieces) {
    const std::size_t begin = out.text.size();
    if (piece.id != -1) {
      out.append(split.text, piece.begin, piece.end);
    } else {
      begin_piece(piece, out);
      for (std::size_t i = piece.begin; i < piece.end; ++i) {
        if (i % kBoundsInterval == 0) IA_TRY(bounds.check(out.text.size(), step));
        visit(i, out);
      }
    }
    piece.begin = begin;
    piece.end = out.text.size();
  }
  IA_TRY(bounds.check(out.text.size(), step));
  split.text = std::move(out);
  return {};
}

class ByteLevelPreTokenizer final : public PreTokenizer {
 public:
  static Result<std::unique_ptr<PreTokenizer>> make(const Fields& fields) {
    auto result = std::make_unique<ByteLevelPreTokenizer>();
    IA_ASSIGN(result->prefix_space_, fields.flag("add_prefix_space"));
    IA_ASSIGN(result->use_regex_, fields.flag("use_regex", true));
    IA_ASSIGN(result->pattern_,
              Pattern::regex("'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"));
    return result;
  }

  Result<void> run(SplitText& split, const TextBounds& bounds) const override {
    if (prefix_space_) {
      const auto space = [&](const Piece& piece, AlignedText& out) {
        if (split.text.text[piece.begin] != ' ') out.append(U' ', split.text.spans[piece.begin]);
      };
      const auto copy = [&](std::size_t i, AlignedText& out) { out.append(split.text, i, i + 1); };
      IA_TRY(rewrite_pieces(split, bounds, kStep, space, copy));
    }
    if (use_regex_) IA_TRY(split_by_pattern(split, bounds, pattern_, false, Behavior::kIsolated));
    const auto nothing = [](const Piece&, AlignedText&) {};
    return rewrite_pieces(split, bounds, kStep, nothing, [&](std::size_t i, AlignedText& out) {
      out.append(byte_character(static_cast<std::uint8_t>(split.text.text[i])), split.text.spans[i]);
    });
  }

 private:
  static constexpr std::string_view kStep = "ByteLevel";
  bool prefix_space_ = true, use_regex_ = true;
  Pattern pattern_;
};

class Metaspace final : public PreTokenizer {
 public:
  static Result<std::unique_ptr<PreTokenizer>> make(const Fields& fields) {
    auto result = std::make_unique<Metaspace>();
    IA_ASSIGN(result->replacement_, fields.text("replacement"));
    if (count_code_points(result->replacement_) != 1) return fields.wrong("replacement", "one character");
    IA_ASSIGN(result->split_, fields.flag("split", true));
    IA_ASSIGN(const bool prefix, fields.flag("add_prefix_space", true));
    IA_ASSIGN(const auto scheme, fields.optional_text("prepend_scheme"));
    if (scheme && *scheme != "always" && *scheme != "first" && *scheme != "never")
      return fields.unsupported("prepend_scheme " + *scheme);
    if (!prefix && scheme && *scheme != "never")
      return fields.wrong("prepend_scheme", "never where add_prefix_space is false");
    result->always_ = prefix && (!scheme || *scheme == "always");
    result->first_ = prefix && scheme && *scheme == "first";
    return result;
  }

  Result<void> run(SplitText& split, const TextBounds& bounds) const override {
    const auto mark = [&](const Piece& piece, AlignedText& out) {
      const std::string_view text = split.view(piece);
      const bool marked = text.starts_with(' ') || text.starts_with(replacement_);
      const bool wanted = always_ || (first_ && split.text.spans[piece.begin].begin == 0);
      if (wanted && !marked) out.append(replacement_, split.text.spans[piece.begin]);
    };
    IA_TRY(rewrite_pieces(split, bounds, "Metaspace", mark, [&](std::size_t i, AlignedText& out) {
      if (split.text.text[i] == ' ') {
        out.append(replacement_, split.text.spans[i]);
      } else {
        out.append(split.text, i, i + 1);
      }
    }));
    if (!split_) return {};
    std::size_t at = 0;
    const char32_t replacement = next_code_point(replacement_, at);
    const auto is_mark = [&](char32_t code) { return code == replacement; };
    return split_by_characters(split, bounds, is_mark, Behavior::kMergedWithNext);
  }

 private:
  std::string replacement_;
  bool split_ = true, always_ = true, first_ = false;
};

class PreTokenizerSequence final : public PreTokenizer {
 public:
  static Result<std::unique_ptr<PreTokenizer>> make(const Fields& fields, int depth) {
    auto result = std::make_unique<PreTokenizerSequence>();
    IA_ASSIGN(const Json* items, fields.array("pretokenizers"));
    for (const Json& item : *items) {
      IA_ASSIGN(auto part, make_pre_tokenizer(item, depth + 1));
      result->parts_.push_back(std::move(part));
    }
    return result;
  }

  Result<void> run(SplitText& split, const TextBounds& bounds) const override {
    for (const auto& part : parts_) IA_TRY(part->run(split, bounds));
    return {};
  }

 private:
  std::vector<std::unique_ptr<PreTokenizer>> parts_;
};

Result<std::unique_ptr<PreTokenizer>> make_split(const Fields& fields) {
  IA_ASSIGN(Pattern pattern, Pattern::from_json(fields, "pattern"));
  IA_ASSIGN(const bool invert, fields.flag("invert"));
  IA_ASSIGN(const Behavior behavior, behavior_of(fields));
  return std::make_unique<SplitByPattern>(std::move(pattern), invert, behavior);
}

}  // namespace

Result<std::unique_ptr<PreTokenizer>> make_pre_tokenizer(const Json& json, int depth) {
  IA_ASSIGN(const Fields fields, Fields::of(json, "pre_tokenizer"));
  if (depth > kMaxDepth) return fields.unsupported("nested deeper than 16");
  IA_ASSIGN(const std::string type, fields.text("type"));
  if (type == "BertPreTokenizer") return std::make_unique<BertPreTokenizer>();
  if (type == "ByteLevel") return ByteLevelPreTokenizer::make(fields);
  if (type == "Metaspace") return Metaspace::make(fields);
  if (type == "Sequence") return PreTokenizerSequence::make(fields, depth);
  if (type == "Split") return make_split(fields);
  if (type == "WhitespaceSplit") return std::make_unique<SplitByCharacters>(is_white_space, Behavior::kRemoved);
  if (type == "Whitespace") {
    IA_ASSIGN(Pattern words, Pattern::regex("\\w+|[^\\w\\s]+"));
    return std::make_unique<SplitByPattern>(std::move(words), true, Behavior::kRemoved);
  }
  if (type == "Punctuation") {
    IA_ASSIGN(const Behavior behavior, behavior_of(fields));
    return std::make_unique<SplitByCharacters>(is_punctuation, behavior);
  }
  if (type == "Digits") {
    IA_ASSIGN(const bool individual, fields.flag("individual_digits"));
    return std::make_unique<SplitByCharacters>(is_number, individual ? Behavior::kIsolated : Behavior::kContiguous);
  }
  return fields.unsupported(type);
}

}  // namespace ipfs_accelerate::input
