// The post-processors.
#include "input/text/post_processor.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "input/text/encoding.h"
#include "input/text/normalizer.h"
#include "input/text/unicode.h"
#include "input/text/utf8.h"

namespace ipfs_accelerate::input {
namespace {

// Moves an encoding's offsets past the white space that its tokens begin and end with.
void trim_offsets(Encoding& encoding, bool prefix_space) {
  const auto is_space = [](char32_t code) { return code == byte_character(' ') || is_white_space(code); };
  for (std::size_t i = 0; i < encoding.tokens.size(); ++i) {
    const std::string_view token = encoding.tokens[i];
    std::int32_t leading = 0, trailing = 0;
    for (std::size_t at = 0; at < token.size() && is_space(next_code_point(token, at));) ++leading;
    for (std::size_t at = token.size(); at > 0 && is_space(previous_code_point(token, at));) ++trailing;
    auto& [begin, end] = encoding.offsets[i];
    // A single space at the very start may be the one that was put there: nothing of the text to skip.
    if (prefix_space && leading == 1 && (i == 0 || begin == 0)) leading = 0;
    begin = std::min(begin + leading, end);
    if (end >= trailing) end = std::max(end - trailing, begin);
  }
}

void trim_all(std::vector<Encoding>& parts, bool prefix_space) {
  for (Encoding& part : parts) {
    trim_offsets(part, prefix_space);
    for (Encoding& window : part.overflowing) trim_offsets(window, prefix_space);
  }
}

struct SpecialToken {
  std::string text;
  std::int32_t id = 0;
};

// ["[SEP]", 102]
Result<SpecialToken> read_special(const Fields& fields, std::string_view key) {
  IA_ASSIGN(const Json* pair, fields.array(key));
  if (pair->size() != 2 || !(*pair)[0].is_string()) return fields.wrong(key, "[token, id]");
  IA_ASSIGN(const std::int32_t id, fields.whole_number((*pair)[1], key));
  return SpecialToken{(*pair)[0].get<std::string>(), id};
}

// Puts special tokens around one encoding and each of its windows.
void surround(Encoding& encoding, const SpecialToken* before, const SpecialToken& after, std::int32_t type_id) {
  for (Encoding& window : encoding.overflowing) surround(window, before, after, type_id);
  Encoding result;
  if (before) append_special(result, before->id, before->text, type_id);
  const std::vector<Encoding> windows = std::exchange(encoding.overflowing, {});
  join(result, encoding);
  append_special(result, after.id, after.text, type_id);
  result.overflowing = windows;
  encoding = std::move(result);
}

class BertProcessing final : public PostProcessor {
 public:
  static Result<std::unique_ptr<PostProcessor>> make(const Fields& fields) {
    auto result = std::make_unique<BertProcessing>();
    IA_ASSIGN(result->begin_, read_special(fields, "cls"));
    IA_ASSIGN(result->end_, read_special(fields, "sep"));
    return result;
  }
  std::int32_t added(bool pair) const override { return pair ? 3 : 2; }
  Result<void> run(std::vector<Encoding>& parts, bool add_special_tokens, const TextBounds&) const override {
    if (!add_special_tokens) return {};
    surround(parts[0], &begin_, end_, 0);
    if (parts.size() > 1) surround(parts[1], nullptr, end_, 1);
    return {};
  }

 private:
  SpecialToken begin_, end_;
};

class RobertaProcessing final : public PostProcessor {
 public:
  static Result<std::unique_ptr<PostProcessor>> make(const Fields& fields) {
    auto result = std::make_unique<RobertaProcessing>();
    IA_ASSIGN(result->begin_, read_special(fields, "cls"));
    IA_ASSIGN(result->end_, read_special(fields, "sep"));
    IA_ASSIGN(result->trim_, fields.flag("trim_offsets", true));
    IA_ASSIGN(result->prefix_space_, fields.flag("add_prefix_space", true));
    return result;
  }
  std::int32_t added(bool pair) const override { return pair ? 4 : 2; }
  Result<void> run(std::vector<Encoding>& parts, bool add_special_tokens, const TextBounds&) const override {
    if (trim_) trim_all(parts, prefix_space_);
    for (Encoding& part : parts) {
      std::ranges::fill(part.type_ids, 0);
      for (Encoding& window : part.overflowing) {
        if (add_special_tokens) std::ranges::fill(window.type_ids, 0);
      }
    }
    if (!add_special_tokens) return {};
    surround(parts[0], &begin_, end_, 0);
    if (parts.size() > 1) surround(parts[1], &end_, end_, 0);
    return {};
  }

 private:
  SpecialToken begin_, end_;
  bool trim_ = true, prefix_space_ = true;
};

class ByteLevelProcessing final : public PostProcessor {
 public:
  static Result<std::unique_ptr<PostProcessor>> make(const Fields& fields) {
    auto result = std::make_unique<ByteLevelProcessing>();
    IA_ASSIGN(result->trim_, fields.flag("trim_offsets"));
    IA_ASSIGN(result->prefix_space_, fields.flag("add_prefix_space"));
    return result;
  }
  std::int32_t added(bool) const override { return 0; }
  Result<void> run(std::vector<Encoding>& parts, bool, const TextBounds&) const override {
    if (trim_) trim_all(parts, prefix_space_);
    return {};
  }

 private:
  bool trim_ = true, prefix_space_ = true;
};

class TemplateProcessing final : public PostProcessor {
 public:
  static Result<std::unique_ptr<PostProcessor>> make(const Fields& fields) {
    auto result = std::make_unique<TemplateProcessing>();
    IA_TRY(result->read_tokens(fields));
    IA_ASSIGN(result->single_, result->read_template(fields, "single"));
    IA_ASSIGN(result->pair_, result->read_template(fields, "pair"));
    for (const Step& step : result->single_) {
      if (step.sequence == 1) return fields.wrong("single", "a template of sequence A alone");
    }
    return result;
  }
  std::int32_t added(bool pair) const override {
    std::size_t count = 0;
    for (const Step& step : pair ? pair_ : single_) count += step.tokens ? step.tokens->size() : 0;
    return static_cast<std::int32_t>(count);
  }
  Result<void> run(std::vector<Encoding>& parts, bool add_special_tokens, const TextBounds& bounds) const override {
    if (parts.size() > 2)
      return fail(ErrorCode::kUnsupportedTokenizer, "tokenizer.json: a template cannot follow another one");
    std::vector<Encoding> result;
    std::size_t size = 0;
    for (const Step& step : parts.size() == 2 ? pair_ : single_) {
      size += step.tokens ? step.tokens->size() : parts[static_cast<std::size_t>(step.sequence)].ids.size();
      IA_TRY(bounds.check(size, "TemplateProcessing"));
      if (!step.tokens) {
        Encoding part = parts[static_cast<std::size_t>(step.sequence)];
        std::ranges::fill(part.type_ids, step.type_id);
        result.push_back(std::move(part));
      } else if (add_special_tokens) {
        Encoding special;
        for (const SpecialToken& token : *step.tokens) append_special(special, token.id, token.text, step.type_id);
        result.push_back(std::move(special));
      }
    }
    parts = std::move(result);
    return {};
  }

 private:
  struct Step {
    int sequence = 0;                                   // 0: A, 1: B
    const std::vector<SpecialToken>* tokens = nullptr;  // instead of a sequence
    std::int32_t type_id = 0;
  };

  Result<void> read_tokens(const Fields& fields) {
    const Json* tokens = fields.find("special_tokens");
    if (!tokens) return {};
    if (!tokens->is_object()) return fields.wrong("special_tokens", "an object");
    for (const auto& [name, json] : tokens->items()) {
      IA_ASSIGN(const Fields token, Fields::of(json, "post_processor.special_tokens"));
      IA_ASSIGN(const Json* ids, token.array("ids"));
      IA_ASSIGN(const Json* texts, token.array("tokens"));
      if (ids->size() != texts->size()) return token.wrong("tokens", "as long as ids");
      auto& list = tokens_[name];
      for (std::size_t i = 0; i < ids->size(); ++i) {
        if (!(*texts)[i].is_string()) return token.wrong("tokens", "strings");
        IA_ASSIGN(const std::int32_t id, token.whole_number((*ids)[i], "ids"));
        list.push_back({(*texts)[i].get<std::string>(), id});
      }
    }
    return {};
  }

  Result<std::vector<Step>> read_template(const Fields& fields, std::string_view key) const {
    IA_ASSIGN(const Json* items, fields.array(key));
    std::vector<Step> steps;
    for (const Json& item : *items) {
      if (!item.is_object() || item.size() != 1)
        return fields.wrong(key, "a list of {Sequence: ...} and {SpecialToken: ...}");
      const bool is_sequence = item.contains("Sequence");
      if (!is_sequence && !item.contains("SpecialToken"))
        return fields.wrong(key, "a list of {Sequence: ...} and {SpecialToken: ...}");
      IA_ASSIGN(const Fields inside, Fields::of(item.front(), "post_processor." + std::string(key)));
      IA_ASSIGN(const std::string id, inside.text("id"));
      Step step;
      IA_ASSIGN(step.type_id, inside.number("type_id"));
      if (is_sequence) {
        if (id != "A" && id != "B") return inside.wrong("id", "A or B");
        step.sequence = id == "B";
      } else {
        const auto found = tokens_.find(id);
        if (found == tokens_.end()) return inside.wrong("id", "one of special_tokens, not '" + id + "'");
        step.tokens = &found->second;
      }
      steps.push_back(step);
    }
    return steps;
  }

  std::map<std::string, std::vector<SpecialToken>> tokens_;
  std::vector<Step> single_, pair_;
};

class PostProcessorSequence final : public PostProcessor {
 public:
  static Result<std::unique_ptr<PostProcessor>> make(const Fields& fields, int depth) {
    auto result = std::make_unique<PostProcessorSequence>();
    IA_ASSIGN(const Json* items, fields.array("processors"));
    for (const Json& item : *items) {
      IA_ASSIGN(auto part, make_post_processor(item, depth + 1));
      result->parts_.push_back(std::move(part));
    }
    return result;
  }
  std::int32_t added(bool pair) const override {
    std::int32_t count = 0;
    for (const auto& part : parts_) count += part->added(pair);
    return count;
  }
  Result<void> run(std::vector<Encoding>& parts, bool add_special_tokens, const TextBounds& bounds) const override {
    for (const auto& part : parts_) {
      if (parts.empty()) return {};
      IA_TRY(part->run(parts, add_special_tokens, bounds));
    }
    return {};
  }

 private:
  std::vector<std::unique_ptr<PostProcessor>> parts_;
};

}  // namespace

Result<std::unique_ptr<PostProcessor>> make_post_processor(const Json& json, int depth) {
  IA_ASSIGN(const Fields fields, Fields::of(json, "post_processor"));
  if (depth > kMaxDepth) return fields.unsupported("nested deeper than 16");
  IA_ASSIGN(const std::string type, fields.text("type"));
  if (type == "BertProcessing") return BertProcessing::make(fields);
  if (type == "RobertaProcessing") return RobertaProcessing::make(fields);
  if (type == "TemplateProcessing") return TemplateProcessing::make(fields);
  if (type == "ByteLevel") return ByteLevelProcessing::make(fields);
  if (type == "Sequence") return PostProcessorSequence::make(fields, depth);
  return fields.unsupported(type);
}

}  // namespace ipfs_accelerate::input
