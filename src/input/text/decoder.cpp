// The decoders.
#include "input/text/decoder.h"

#include <array>
#include <string_view>
#include <utility>

#include "input/text/normalizer.h"
#include "input/text/pattern.h"
#include "input/text/utf8.h"

namespace ipfs_accelerate::input {
namespace {

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  std::size_t at = from.empty() ? text.npos : text.find(from);
  if (at == text.npos) return;
  std::string result;
  std::size_t done = 0;
  for (; at != text.npos; at = text.find(from, done)) {
    result.append(text, done, at - done).append(to);
    done = at + from.size();
  }
  text = result.append(text, done);
}

class WordPieceDecoder final : public Decoder {
 public:
  static Result<std::unique_ptr<Decoder>> make(const Fields& fields) {
    auto result = std::make_unique<WordPieceDecoder>();
    IA_ASSIGN(result->prefix_, fields.text("prefix"));
    IA_ASSIGN(result->cleanup_, fields.flag("cleanup"));
    return result;
  }

  Result<void> run(std::vector<std::string>& tokens, const TextBounds&) const override {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      std::string& token = tokens[i];
      if (i > 0 && token.starts_with(prefix_)) {
        token.erase(0, prefix_.size());
      } else if (i > 0) {
        token.insert(token.begin(), ' ');
      }
      if (cleanup_) clean(token);
    }
    return {};
  }

 private:
  // Takes back the spaces that tokenizing put before punctuation and English contractions.
  static void clean(std::string& token) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kRules{{{" .", "."},
                                                                                           {" ?", "?"},
                                                                                           {" !", "!"},
                                                                                           {" ,", ","},
                                                                                           {" ' ", "'"},
                                                                                           {" n't", "n't"},
                                                                                           {" 'm", "'m"},
                                                                                           {" do not", " don't"},
                                                                                           {" 's", "'s"},
                                                                                           {" 've", "'ve"},
                                                                                           {" 're", "'re"}}};
    for (const auto& [from, to] : kRules) replace_all(token, from, to);
  }
  std::string prefix_;
  bool cleanup_ = true;
};

class ByteLevelDecoder final : public Decoder {
 public:
  Result<void> run(std::vector<std::string>& tokens, const TextBounds&) const override {
    std::string bytes;
    for (const std::string& token : tokens) append_bytes(token, bytes);
    tokens = {repair_utf8(bytes)};
    return {};
  }

 private:
  // A token with any other character stands for itself.
  static void append_bytes(const std::string& token, std::string& bytes) {
    const std::size_t size = bytes.size();
    for (std::size_t at = 0; at < token.size();) {
      const int byte = character_byte(next_code_point(token, at));
      if (byte < 0) {
        bytes.resize(size);
        bytes += token;
        return;
      }
      bytes.push_back(static_cast<char>(byte));
    }
  }
};

class BpeDecoder final : public Decoder {
 public:
  explicit BpeDecoder(std::string suffix) : suffix_(std::move(suffix)) {}
  Result<void> run(std::vector<std::string>& tokens, const TextBounds&) const override {
    for (std::size_t i = 0; i < tokens.size(); ++i) replace_all(tokens[i], suffix_, i + 1 == tokens.size() ? "" : " ");
    return {};
  }

 private:
  std::string suffix_;
};

class MetaspaceDecoder final : public Decoder {
 public:
  static Result<std::unique_ptr<Decoder>> make(const Fields& fields) {
    auto result = std::make_unique<MetaspaceDecoder>();
    IA_ASSIGN(result->replacement_, fields.text("replacement"));
    if (count_code_points(result->replacement_) != 1) return fields.wrong("replacement", "one character");
    IA_ASSIGN(const bool prefix, fields.flag("add_prefix_space", true));
    IA_ASSIGN(const auto scheme, fields.optional_text("prepend_scheme"));
    if (scheme && *scheme != "always" && *scheme != "first" && *scheme != "never")
      return fields.unsupported("prepend_scheme " + *scheme);
    result->drop_first_ = prefix && scheme != "never";
    return result;
  }
  Result<void> run(std::vector<std::string>& tokens, const TextBounds&) const override {
    for (std::size_t i = 0; i < tokens.size(); ++i)
      replace_all(tokens[i], replacement_, i == 0 && drop_first_ ? "" : " ");
    return {};
  }

 private:
  std::string replacement_;
  bool drop_first_ = true;
};

// <0xE2> and the like become bytes; runs of them that are no UTF-8 become one U+FFFD each.
class ByteFallbackDecoder final : public Decoder {
 public:
  Result<void> run(std::vector<std::string>& tokens, const TextBounds&) const override {
    std::vector<std::string> result;
    std::string bytes;
    const auto flush = [&] {
      if (is_valid_utf8(bytes)) {
        if (!bytes.empty()) result.push_back(bytes);
      } else {
        result.insert(result.end(), bytes.size(), "\xEF\xBF\xBD");
      }
      bytes.clear();
    };
    for (std::string& token : tokens) {
      if (const int byte = byte_of(token); byte >= 0) {
        bytes.push_back(static_cast<char>(byte));
        continue;
      }
      flush();
      result.push_back(std::move(token));
    }
    flush();
    tokens = std::move(result);
    return {};
  }

 private:
  static int digit(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
  }
  static int byte_of(std::string_view token) {
    if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return -1;
    const int high = digit(token[3]), low = digit(token[4]);
    return high < 0 || low < 0 ? -1 : 16 * high + low;
  }
};

class FuseDecoder final : public Decoder {
 public:
  Result<void> run(std::vector<std::string>& tokens, const TextBounds&) const override {
    std::string all;
    for (const std::string& token : tokens) all += token;
    tokens = {std::move(all)};
    return {};
  }
};

class StripDecoder final : public Decoder {
 public:
  static Result<std::unique_ptr<Decoder>> make(const Fields& fields) {
    auto result = std::make_unique<StripDecoder>();
    IA_ASSIGN(result->content_, fields.text("content"));
    if (count_code_points(result->content_) != 1) return fields.wrong("content", "one character");
    IA_ASSIGN(result->start_, fields.number("start"));
    IA_ASSIGN(result->stop_, fields.number("stop"));
    return result;
  }
  Result<void> run(std::vector<std::string>& tokens, const TextBounds&) const override {
    for (std::string& token : tokens) {
      std::string_view rest = token;
      for (std::int32_t i = 0; i < start_ && rest.starts_with(content_); ++i) rest.remove_prefix(content_.size());
      for (std::int32_t i = 0; i < stop_ && rest.ends_with(content_); ++i) rest.remove_suffix(content_.size());
      token = std::string(rest);
    }
    return {};
  }

 private:
  std::string content_;
  std::int32_t start_ = 0, stop_ = 0;
};

class ReplaceDecoder final : public Decoder {
 public:
  static Result<std::unique_ptr<Decoder>> make(const Fields& fields) {
    auto result = std::make_unique<ReplaceDecoder>();
    IA_ASSIGN(result->pattern_, Pattern::from_json(fields, "pattern"));
    IA_ASSIGN(result->content_, fields.text("content"));
    return result;
  }
  Result<void> run(std::vector<std::string>& tokens, const TextBounds& bounds) const override {
    std::vector<ByteRange> matches;
    std::size_t bytes = 0;
    for (std::string& token : tokens) {
      IA_TRY(pattern_.find_all(token, matches, bounds));
      // The text at its largest: nothing is taken off for what is replaced.
      bytes += token.size() + matches.size() * content_.size();
      IA_TRY(bounds.check(bytes, "the decoder's Replace"));
      if (matches.empty()) continue;
      std::string out;
      std::size_t done = 0;
      for (const auto [begin, end] : matches) {
        out.append(token, done, begin - done).append(content_);
        done = end;
      }
      token = out.append(token, done);
    }
    return {};
  }

 private:
  Pattern pattern_;
  std::string content_;
};

class DecoderSequence final : public Decoder {
 public:
  static Result<std::unique_ptr<Decoder>> make(const Fields& fields, int depth) {
    auto result = std::make_unique<DecoderSequence>();
    IA_ASSIGN(const Json* items, fields.array("decoders"));
    for (const Json& item : *items) {
      IA_ASSIGN(auto part, make_decoder(item, depth + 1));
      result->parts_.push_back(std::move(part));
    }
    return result;
  }
  Result<void> run(std::vector<std::string>& tokens, const TextBounds& bounds) const override {
    for (const auto& part : parts_) IA_TRY(part->run(tokens, bounds));
    return {};
  }

 private:
  std::vector<std::unique_ptr<Decoder>> parts_;
};

}  // namespace

Result<std::unique_ptr<Decoder>> make_decoder(const Json& json, int depth) {
  IA_ASSIGN(const Fields fields, Fields::of(json, "decoder"));
  if (depth > kMaxDepth) return fields.unsupported("nested deeper than 16");
  IA_ASSIGN(const std::string type, fields.text("type"));
  if (type == "WordPiece") return WordPieceDecoder::make(fields);
  if (type == "ByteLevel") return std::make_unique<ByteLevelDecoder>();
  if (type == "Metaspace") return MetaspaceDecoder::make(fields);
  if (type == "ByteFallback") return std::make_unique<ByteFallbackDecoder>();
  if (type == "Fuse") return std::make_unique<FuseDecoder>();
  if (type == "Strip") return StripDecoder::make(fields);
  if (type == "Replace") return ReplaceDecoder::make(fields);
  if (type == "Sequence") return DecoderSequence::make(fields, depth);
  if (type == "BPEDecoder") {
    IA_ASSIGN(std::string suffix, fields.text("suffix"));
    return std::make_unique<BpeDecoder>(std::move(suffix));
  }
  return fields.unsupported(type);
}

}  // namespace ipfs_accelerate::input
