// The normalizers.
#include "input/text/normalizer.h"

#include <array>
#include <utility>
#include <vector>

#include "input/text/pattern.h"
#include "input/text/unicode.h"
#include "input/text/utf8.h"

namespace ipfs_accelerate::input {
namespace {

// How a step looks at its bounds: what it is called there.
struct Watch {
  const TextBounds& bounds;
  std::string_view step;
  Result<void> check(std::size_t bytes) const { return bounds.check(bytes, step); }
};

// Rewrites a text character by character: visit(code, span, out) appends what comes in its place, a few characters.
template <class Visit>
Result<void> rewrite(AlignedText& text, const Watch& watch, Visit visit) {
  AlignedText out;
  out.reserve(text.text.size() + text.text.size() / 8);
  std::size_t visited = 0;
  for (std::size_t at = 0; at < text.text.size();) {
    if (++visited % kBoundsInterval == 0) IA_TRY(watch.check(out.text.size()));
    const Span span = text.spans[at];
    visit(next_code_point(text.text, at), span, out);
  }
  IA_TRY(watch.check(out.text.size()));
  text = std::move(out);
  return {};
}

template <class Keep>
Result<void> filter(AlignedText& text, const Watch& watch, Keep keep) {
  return rewrite(text, watch, [&](char32_t code, Span span, AlignedText& out) {
    if (keep(code)) out.append(code, span);
  });
}

Result<void> lower(AlignedText& text, const Watch& watch) {
  return rewrite(text, watch, [](char32_t code, Span span, AlignedText& out) {
    char32_t second;
    out.append(to_lower(code, second), span);
    if (second) out.append(second, span);
  });
}

Result<void> bring_into(AlignedText& text, NormalForm form, std::uint32_t first, const Watch& watch) {
  if (surely_normal(text.text, form)) return {};
  IA_ASSIGN(const std::vector<Change> changes, normalize(text.text, form, watch.bounds, watch.step));
  IA_ASSIGN(text, apply_changes(text, changes, first, watch.bounds, watch.step));
  return {};
}

bool is_ascii(std::string_view text) {
  unsigned char all = 0;
  for (const char byte : text) all |= static_cast<unsigned char>(byte);
  return all < 0x80;
}

class BertNormalizer final : public Normalizer {
 public:
  static Result<std::unique_ptr<Normalizer>> make(const Fields& fields) {
    auto result = std::make_unique<BertNormalizer>();
    IA_ASSIGN(result->clean_, fields.flag("clean_text", true));
    IA_ASSIGN(result->space_chinese_, fields.flag("handle_chinese_chars", true));
    IA_ASSIGN(result->lower_, fields.flag("lowercase", true));
    IA_ASSIGN(result->strip_accents_, fields.flag("strip_accents", result->lower_));
    return result;
  }

  Result<void> run(AlignedText& text, std::uint32_t first, const TextBounds& bounds) const override {
    if (is_ascii(text.text)) {
      run_ascii(text);
      return bounds.check_stop();
    }
    const Watch watch{bounds, "BertNormalizer"};
    IA_TRY(rewrite(text, watch, [&](char32_t code, Span span, AlignedText& out) {
      if (clean_ && is_dropped(code)) return;
      const bool apart = space_chinese_ && is_chinese(code);
      if (apart) out.append(U' ', span);
      out.append(clean_ && is_white_space(code) ? U' ' : code, span);
      if (apart) out.append(U' ', span);
    }));
    if (strip_accents_) {
      IA_TRY(bring_into(text, NormalForm::kNfd, first, watch));
      IA_TRY(filter(text, watch, [](char32_t code) { return !is_mark_nonspacing(code); }));
    }
    return lower_ ? lower(text, watch) : Result<void>{};
  }

 private:
  static bool is_dropped(char32_t code) {
    if (code == '\t' || code == '\n' || code == '\r') return false;
    return code == 0 || code == 0xFFFD || is_other(code);
  }

  static bool is_chinese(char32_t code) {
    return (code >= 0x4E00 && code <= 0x9FFF) || (code >= 0x3400 && code <= 0x4DBF) ||
           (code >= 0x20000 && code <= 0x2A6DF) || (code >= 0x2A700 && code <= 0x2B81F) ||
           (code >= 0x2B920 && code <= 0x2CEAF) || (code >= 0xF900 && code <= 0xFAFF) ||
           (code >= 0x2F800 && code <= 0x2FA1F);
  }

  // The same for ASCII, in place: nothing to decompose or space out.
  void run_ascii(AlignedText& text) const {
    std::size_t size = 0;
    for (std::size_t i = 0; i < text.text.size(); ++i) {
      char c = text.text[i];
      if (clean_) {
        if (c == '\t' || c == '\n' || c == '\r') c = ' ';
        if (c < ' ' || c == 0x7F) continue;
      }
      if (lower_ && c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
      text.text[size] = c;
      text.spans[size++] = text.spans[i];
    }
    text.text.resize(size);
    text.spans.resize(size);
  }

  bool clean_ = true, space_chinese_ = true, strip_accents_ = true, lower_ = true;
};

class Lowercase final : public Normalizer {
 public:
  Result<void> run(AlignedText& text, std::uint32_t, const TextBounds& bounds) const override {
    return lower(text, {bounds, "Lowercase"});
  }
};

class StripAccents final : public Normalizer {
 public:
  Result<void> run(AlignedText& text, std::uint32_t, const TextBounds& bounds) const override {
    return filter(text, {bounds, "StripAccents"}, [](char32_t code) { return !is_mark(code); });
  }
};

class ToForm final : public Normalizer {
 public:
  explicit ToForm(NormalForm form) : form_(form) {}
  Result<void> run(AlignedText& text, std::uint32_t first, const TextBounds& bounds) const override {
    return bring_into(text, form_, first, {bounds, "a normal form (NFC, NFD, NFKC, NFKD)"});
  }

 private:
  NormalForm form_;
};

class Strip final : public Normalizer {
 public:
  static Result<std::unique_ptr<Normalizer>> make(const Fields& fields) {
    auto result = std::make_unique<Strip>();
    IA_ASSIGN(result->left_, fields.flag("strip_left"));
    IA_ASSIGN(result->right_, fields.flag("strip_right"));
    return result;
  }

  Result<void> run(AlignedText& text, std::uint32_t, const TextBounds& bounds) const override {
    IA_TRY(bounds.check_stop());
    std::size_t begin = 0, end = text.text.size();
    for (std::size_t next = begin; left_ && begin < end && is_white_space(next_code_point(text.text, next));)
      begin = next;
    for (std::size_t next = end; right_ && end > begin && is_white_space(previous_code_point(text.text, next));)
      end = next;
    AlignedText out;
    out.append(text, begin, end);
    text = std::move(out);
    return {};
  }

 private:
  bool left_ = true, right_ = true;
};

class Replace final : public Normalizer {
 public:
  static Result<std::unique_ptr<Normalizer>> make(const Fields& fields) {
    auto result = std::make_unique<Replace>();
    IA_ASSIGN(result->pattern_, Pattern::from_json(fields, "pattern"));
    IA_ASSIGN(result->content_, fields.text("content"));
    return result;
  }

  Result<void> run(AlignedText& text, std::uint32_t first, const TextBounds& bounds) const override {
    std::vector<ByteRange> matches;
    IA_TRY(pattern_.find_all(text.text, matches, bounds));
    if (matches.empty()) return {};
    IA_ASSIGN(text, replace_ranges(text, matches, content_, first, bounds, "Replace"));
    return {};
  }

 private:
  Pattern pattern_;
  std::string content_;
};

class Prepend final : public Normalizer {
 public:
  explicit Prepend(std::string content) : content_(std::move(content)) {}
  Result<void> run(AlignedText& text, std::uint32_t, const TextBounds& bounds) const override {
    if (text.text.empty()) return {};
    IA_TRY(bounds.check(text.text.size() + content_.size(), "Prepend"));
    text.spans.insert(text.spans.begin(), content_.size(), text.spans[0]);
    text.text.insert(0, content_);
    return {};
  }

 private:
  std::string content_;
};

class ByteLevelNormalizer final : public Normalizer {
 public:
  Result<void> run(AlignedText& text, std::uint32_t, const TextBounds& bounds) const override {
    const Watch watch{bounds, "ByteLevel"};
    AlignedText out;
    for (std::size_t i = 0; i < text.text.size(); ++i) {
      if (i % kBoundsInterval == 0) IA_TRY(watch.check(out.text.size()));
      out.append(byte_character(static_cast<std::uint8_t>(text.text[i])), text.spans[i]);
    }
    IA_TRY(watch.check(out.text.size()));
    text = std::move(out);
    return {};
  }
};

class NormalizerSequence final : public Normalizer {
 public:
  static Result<std::unique_ptr<Normalizer>> make(const Fields& fields, int depth) {
    auto result = std::make_unique<NormalizerSequence>();
    IA_ASSIGN(const Json* items, fields.array("normalizers"));
    for (const Json& item : *items) {
      IA_ASSIGN(auto part, make_normalizer(item, depth + 1));
      result->parts_.push_back(std::move(part));
    }
    return result;
  }

  Result<void> run(AlignedText& text, std::uint32_t first, const TextBounds& bounds) const override {
    for (const auto& part : parts_) IA_TRY(part->run(text, first, bounds));
    return {};
  }

 private:
  std::vector<std::unique_ptr<Normalizer>> parts_;
};

struct ByteTable {
  std::array<char32_t, 256> characters{};
  std::array<std::int16_t, 0x144> bytes{};

  // Printable Latin-1 bytes stand for themselves; the others get U+0100, U+0101 ... in order.
  constexpr ByteTable() {
    bytes.fill(-1);
    char32_t next = 0x100;
    for (unsigned b = 0; b < 256; ++b) {
      const bool printable = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      characters[b] = printable ? b : next++;
      bytes[characters[b]] = static_cast<std::int16_t>(b);
    }
  }
};
constexpr ByteTable kByteTable;

}  // namespace

char32_t byte_character(std::uint8_t byte) { return kByteTable.characters[byte]; }
int character_byte(char32_t code) { return code < kByteTable.bytes.size() ? kByteTable.bytes[code] : -1; }

Result<std::unique_ptr<Normalizer>> make_normalizer(const Json& json, int depth) {
  IA_ASSIGN(const Fields fields, Fields::of(json, "normalizer"));
  if (depth > kMaxDepth) return fields.unsupported("nested deeper than 16");
  IA_ASSIGN(const std::string type, fields.text("type"));
  if (type == "BertNormalizer") return BertNormalizer::make(fields);
  if (type == "Lowercase") return std::make_unique<Lowercase>();
  if (type == "StripAccents") return std::make_unique<StripAccents>();
  if (type == "NFC") return std::make_unique<ToForm>(NormalForm::kNfc);
  if (type == "NFD") return std::make_unique<ToForm>(NormalForm::kNfd);
  if (type == "NFKC") return std::make_unique<ToForm>(NormalForm::kNfkc);
  if (type == "NFKD") return std::make_unique<ToForm>(NormalForm::kNfkd);
  if (type == "Strip") return Strip::make(fields);
  if (type == "Replace") return Replace::make(fields);
  if (type == "ByteLevel") return std::make_unique<ByteLevelNormalizer>();
  if (type == "Precompiled") return make_precompiled(fields);
  if (type == "Sequence") return NormalizerSequence::make(fields, depth);
  if (type == "Prepend") {
    IA_ASSIGN(std::string content, fields.text("prepend"));
    return std::make_unique<Prepend>(std::move(content));
  }
  return fields.unsupported(type);
}

}  // namespace ipfs_accelerate::input
