// The tokenizer: normalizer, pre-tokenizer, model, post-processor and decoder, put together.
#include "input/text/tokenizer.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "input/text/added_tokens.h"
#include "input/text/decoder.h"
#include "input/text/encoding.h"
#include "input/text/normalizer.h"
#include "input/text/post_processor.h"
#include "input/text/pre_tokenizer.h"
#include "input/text/token_model.h"
#include "input/text/utf8.h"

namespace ipfs_accelerate {

using namespace input;

namespace {

Result<std::optional<Truncation>> read_truncation(const Fields& file) {
  const Json* json = file.find("truncation");
  if (!json) return std::nullopt;
  IA_ASSIGN(const Fields fields, Fields::of(*json, "truncation"));
  Truncation result;
  IA_ASSIGN(result.max_length, fields.number("max_length"));
  IA_ASSIGN(result.stride, fields.number("stride", 0));
  IA_ASSIGN(const std::string strategy, fields.text("strategy"));
  IA_ASSIGN(const auto direction, fields.optional_text("direction"));
  if (strategy == "OnlyFirst") {
    result.strategy = TruncationStrategy::kOnlyFirst;
  } else if (strategy == "OnlySecond") {
    result.strategy = TruncationStrategy::kOnlySecond;
  } else if (strategy != "LongestFirst") {
    return fields.unsupported("strategy " + strategy);
  }
  result.left = direction == "Left";
  return result;
}

Result<std::optional<Padding>> read_padding(const Fields& file) {
  const Json* json = file.find("padding");
  if (!json) return std::nullopt;
  IA_ASSIGN(const Fields fields, Fields::of(*json, "padding"));
  Padding result;
  const Json* strategy = fields.find("strategy");
  if (strategy && strategy->is_object() && strategy->contains("Fixed")) {
    IA_ASSIGN(result.length, fields.whole_number((*strategy)["Fixed"], "strategy.Fixed"));
  } else if (strategy && *strategy != "BatchLongest") {
    return fields.wrong("strategy", "BatchLongest or {Fixed: length}");
  }
  IA_ASSIGN(const std::int32_t multiple, fields.number("pad_to_multiple_of", 0));
  if (multiple > 0) result.multiple_of = multiple;
  IA_ASSIGN(const auto direction, fields.optional_text("direction"));
  IA_ASSIGN(result.pad_id, fields.number("pad_id", 0));
  IA_ASSIGN(result.pad_type_id, fields.number("pad_type_id", 0));
  IA_ASSIGN(const auto token, fields.optional_text("pad_token"));
  result.pad_token = token.value_or(result.pad_token);
  result.left = direction == "Left";
  return result;
}

// Makes a component when the file has it.
template <class T>
Result<void> read_part(const Fields& file, std::string_view key, Result<std::unique_ptr<T>> (*make)(const Json&, int),
                       std::unique_ptr<T>& part) {
  if (const Json* json = file.find(key)) {
    IA_ASSIGN(part, make(*json, 0));
  }
  return {};
}

// Text with every ill-formed part repaired; `storage` holds it when that was needed.
std::string_view well_formed(std::string_view text, std::string& storage) {
  if (is_valid_utf8(text)) return text;
  storage = repair_utf8(text);
  return storage;
}

}  // namespace

struct Tokenizer::Impl {
  std::unique_ptr<Normalizer> normalizer;
  std::unique_ptr<PreTokenizer> pre_tokenizer;
  std::unique_ptr<TokenModel> model;
  std::unique_ptr<PostProcessor> post_processor;
  std::unique_ptr<Decoder> decoder;
  AddedTokens added;
  std::optional<Truncation> truncation;
  std::optional<Padding> padding;

  // Scratch memory that no call uses at the moment, caches included. A call borrows it, or makes its own when another
  // call has it, and gives it back.
  mutable std::atomic<ModelScratch*> spare = nullptr;

  Impl() = default;
  Impl(const Impl&) = delete;
  ~Impl() { delete spare.load(); }

  std::unique_ptr<ModelScratch> borrow() const;
  void give_back(std::unique_ptr<ModelScratch> scratch) const;
  Result<void> read(const Json& json);
  Result<SplitText> split(std::string_view text, const TextBounds& bounds) const;
  Result<void> append_section(std::string_view section, std::uint32_t first, SplitText& split,
                              const TextBounds& bounds) const;
  Result<Encoding> encode_one(std::string_view text, std::int32_t sequence, const std::optional<Truncation>& truncation,
                              ModelScratch& scratch, const Stop& stop) const;
  Result<void> tokenize_piece(const SplitText& split, const Piece& piece, ModelScratch& scratch,
                              std::vector<Token>& tokens, const TextBounds& bounds) const;
  Result<Encoding> encode(std::string_view text, std::optional<std::string_view> pair, const EncodeOptions& options,
                          ModelScratch& scratch) const;
  std::optional<std::string> token(std::int32_t id) const;
  std::optional<std::string> shown(std::int32_t id, bool skip_special_tokens) const;
};

std::unique_ptr<ModelScratch> Tokenizer::Impl::borrow() const {
  std::unique_ptr<ModelScratch> scratch(spare.exchange(nullptr));
  return scratch ? std::move(scratch) : std::make_unique<ModelScratch>();
}

void Tokenizer::Impl::give_back(std::unique_ptr<ModelScratch> scratch) const {
  scratch->trim();
  const std::unique_ptr<ModelScratch> other(spare.exchange(scratch.release()));
}

Result<void> Tokenizer::Impl::read(const Json& json) {
  IA_ASSIGN(const Fields file, Fields::of(json, "the file"));
  IA_ASSIGN(const auto version, file.optional_text("version"));
  if (version && *version != "1.0") return file.unsupported("version " + *version);
  const Json* model_json = file.find("model");
  if (!model_json) return fail(ErrorCode::kMissingTokenizer, "tokenizer.json has no model, so no vocabulary");
  IA_ASSIGN(model, make_token_model(*model_json));
  IA_TRY(read_part(file, "normalizer", make_normalizer, normalizer));
  IA_TRY(read_part(file, "pre_tokenizer", make_pre_tokenizer, pre_tokenizer));
  IA_TRY(read_part(file, "post_processor", make_post_processor, post_processor));
  IA_TRY(read_part(file, "decoder", make_decoder, decoder));
  IA_ASSIGN(added, AddedTokens::from_json(file.find("added_tokens"), model->vocabulary(), normalizer.get()));
  IA_ASSIGN(truncation, read_truncation(file));
  IA_ASSIGN(padding, read_padding(file));
  return {};
}

// Normalizes one part of the text and appends it, cut at the added tokens that are found in normalized text.
Result<void> Tokenizer::Impl::append_section(std::string_view section, std::uint32_t first, SplitText& split,
                                             const TextBounds& bounds) const {
  AlignedText text = AlignedText::identity(section, first);
  const std::size_t base = split.text.text.size();
  const TextBounds rest = bounds.beside(base);
  if (normalizer) IA_TRY(normalizer->run(text, first, rest));
  IA_TRY(rest.check(text.text.size(), "the normalizer"));
  IA_ASSIGN(const std::vector<Piece> pieces, added.split_normalized(text.text, rest));
  for (Piece piece : pieces) {
    piece.begin += base;
    piece.end += base;
    split.pieces.push_back(piece);
  }
  if (base == 0) {
    split.text = std::move(text);
  } else {
    split.text.append(text, 0, text.text.size());
  }
  return {};
}

Result<SplitText> Tokenizer::Impl::split(std::string_view text, const TextBounds& bounds) const {
  SplitText result;
  std::uint32_t first = 0;
  IA_ASSIGN(const std::vector<Piece> sections, added.split_raw(text, bounds));
  for (const Piece& section : sections) {
    const std::string_view part = text.substr(section.begin, section.end - section.begin);
    if (section.id == -1) {
      IA_TRY(append_section(part, first, result, bounds));
    } else {
      const std::size_t base = result.text.text.size();
      result.text.append(AlignedText::identity(part, first), 0, part.size());
      result.pieces.push_back({base, base + part.size(), section.id});
    }
    first += static_cast<std::uint32_t>(count_code_points(part));
  }
  if (pre_tokenizer) IA_TRY(pre_tokenizer->run(result, bounds));
  return result;
}

Result<void> Tokenizer::Impl::tokenize_piece(const SplitText& split, const Piece& piece, ModelScratch& scratch,
                                             std::vector<Token>& tokens, const TextBounds& bounds) const {
  IA_TRY(bounds.check_stop());
  tokens.clear();
  if (piece.id != -1) {
    tokens.push_back({piece.id, 0, static_cast<std::uint32_t>(piece.end - piece.begin)});
    return {};
  }
  const std::string_view text = split.view(piece);
  if (!PieceCache::fits(text)) return model->tokenize(text, scratch, tokens, bounds);
  const std::uint64_t hash = hash_bytes(text);
  if (scratch.cache.find(text, hash, tokens)) return {};
  IA_TRY(model->tokenize(text, scratch, tokens, bounds));
  scratch.cache.keep(text, hash, tokens);
  return {};
}

namespace {

// Which pieces are worth tokenizing when only `limit` tokens will be kept: the reference stops early, and what it
// leaves out is in no window. Counts from the side that is kept.
struct EarlyStop {
  std::size_t limit;
  std::size_t count = 0;
  bool done(std::size_t tokens, bool is_added) {
    count += tokens;
    return !is_added && count >= limit;
  }
};

}  // namespace

Result<Encoding> Tokenizer::Impl::encode_one(std::string_view text, std::int32_t sequence,
                                             const std::optional<Truncation>& truncation, ModelScratch& scratch,
                                             const Stop& stop_asked) const {
  if (text.size() > kMaxTextBytes)
    return fail(ErrorCode::kInputTooLong, "the text has {} bytes; at most {} can be tokenized", text.size(),
                kMaxTextBytes);
  std::string storage;
  const TextBounds bounds = TextBounds::of(text.size(), stop_asked);
  IA_ASSIGN(const SplitText parts, split(well_formed(text, storage), bounds));
  std::vector<Token> tokens;
  const bool limited = truncation && (truncation->strategy != TruncationStrategy::kOnlySecond || sequence == 1);
  EarlyStop stop{limited ? static_cast<std::size_t>(truncation->max_length) : ~std::size_t{0}};
  std::size_t first_piece = 0, last_piece = parts.pieces.size();
  if (limited && truncation->left) {
    // From the right: find where to begin, then tokenize from there in order.
    for (first_piece = parts.pieces.size(); first_piece > 0;) {
      const Piece& piece = parts.pieces[--first_piece];
      IA_TRY(tokenize_piece(parts, piece, scratch, tokens, bounds));
      if (stop.done(tokens.size(), piece.id != -1)) break;
    }
    stop.limit = ~std::size_t{0};
  }
  Encoding result;
  result.ids.reserve(last_piece - first_piece);
  result.tokens.reserve(last_piece - first_piece);
  result.offsets.reserve(last_piece - first_piece);
  result.word_ids.reserve(last_piece - first_piece);
  for (std::size_t i = first_piece; i < last_piece; ++i) {
    const Piece& piece = parts.pieces[i];
    IA_TRY(tokenize_piece(parts, piece, scratch, tokens, bounds));
    for (const Token& token : tokens) {
      if (result.ids.size() % kBoundsInterval == 0) IA_TRY(bounds.check(result.ids.size(), "the model"));
      const Span span = parts.span(piece.begin + token.begin, piece.begin + token.end);
      result.ids.push_back(token.id);
      const std::string_view covered = parts.view(piece).substr(token.begin, token.end - token.begin);
      result.tokens.emplace_back(piece.id == -1 ? model->name(token.id, covered) : covered);
      result.offsets.emplace_back(static_cast<std::int32_t>(span.begin), static_cast<std::int32_t>(span.end));
      result.word_ids.emplace_back(static_cast<std::int32_t>(i - first_piece));
    }
    if (stop.done(tokens.size(), piece.id != -1)) break;
  }
  const std::size_t size = result.ids.size();
  result.type_ids.assign(size, sequence);
  result.attention_mask.assign(size, 1);
  result.special_tokens_mask.assign(size, 0);
  result.sequence_ids.assign(size, sequence);
  return result;
}

Result<Encoding> Tokenizer::Impl::encode(std::string_view text, std::optional<std::string_view> pair,
                                         const EncodeOptions& options, ModelScratch& scratch) const {
  std::vector<Encoding> parts(1);
  const std::optional<Truncation>& truncation = options.truncation;
  if (truncation && (truncation->max_length < 0 || truncation->stride < 0)) {
    return fail(ErrorCode::kInvalidArgument, "truncation: max_length {} and stride {} must not be negative",
                truncation->max_length, truncation->stride);
  }
  IA_ASSIGN(parts[0], encode_one(text, 0, truncation, scratch, options.stop));
  if (pair) {
    IA_ASSIGN(Encoding second, encode_one(*pair, 1, truncation, scratch, options.stop));
    parts.push_back(std::move(second));
  }
  if (truncation) {
    const std::int32_t added_count =
        post_processor && options.add_special_tokens ? post_processor->added(pair.has_value()) : 0;
    const std::int32_t length = truncation->max_length - added_count;
    if (length < 0) {
      return fail(ErrorCode::kInvalidArgument, "truncation: max_length {} has no room for {} special tokens",
                  truncation->max_length, added_count);
    }
    IA_TRY(truncate(parts[0], pair ? &parts[1] : nullptr, *truncation, length));
  }
  for (std::size_t i = 0; i < parts.size(); ++i) set_sequence(parts[i], static_cast<std::int32_t>(i));
  const TextBounds bounds = TextBounds::of(text.size() + pair.value_or("").size(), options.stop);
  if (post_processor) IA_TRY(post_processor->run(parts, options.add_special_tokens, bounds));
  Encoding result;
  if (!parts.empty()) result = std::move(parts[0]);
  for (std::size_t i = 1; i < parts.size(); ++i) join(result, parts[i]);
  return result;
}

std::optional<std::string> Tokenizer::Impl::token(std::int32_t id) const {
  if (const AddedToken* token = added.find(id)) return token->normalized_content;
  if (model->vocabulary().has(id)) return std::string(model->vocabulary().token(id));
  return std::nullopt;
}

// The token's text for decoding; absent when it adds none.
std::optional<std::string> Tokenizer::Impl::shown(std::int32_t id, bool skip_special_tokens) const {
  std::optional<std::string> text = token(id);
  if (text && skip_special_tokens && added.is_special(*text)) return std::nullopt;
  return text;
}

Tokenizer::Tokenizer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Result<Tokenizer> Tokenizer::from_json(std::string_view tokenizer_json) {
  const Json json = Json::parse(tokenizer_json, nullptr, false);
  if (json.is_discarded()) return fail(ErrorCode::kMalformedConfig, "tokenizer.json is not valid JSON");
  auto impl = std::make_unique<Impl>();
  IA_TRY(impl->read(json));
  return Tokenizer(std::move(impl));
}

Result<Encoding> Tokenizer::encode(std::string_view text, std::optional<std::string_view> pair,
                                   const EncodeOptions& options) const {
  auto scratch = impl_->borrow();
  Result<Encoding> result = impl_->encode(text, pair, options, *scratch);
  impl_->give_back(std::move(scratch));
  if (result && options.padding) pad({&*result, 1}, *options.padding);
  return result;
}

Result<std::vector<Encoding>> Tokenizer::encode_batch(
    const std::vector<std::pair<std::string, std::optional<std::string>>>& texts, const EncodeOptions& options) const {
  std::vector<Encoding> results;
  results.reserve(texts.size());
  auto scratch = impl_->borrow();
  for (const auto& [text, pair] : texts) {
    IA_ASSIGN(Encoding result, impl_->encode(text, pair, options, *scratch));
    results.push_back(std::move(result));
  }
  impl_->give_back(std::move(scratch));
  if (options.padding) pad(results, *options.padding);
  return results;
}

Result<std::string> Tokenizer::decode(const std::vector<std::int32_t>& ids, bool skip_special_tokens) const {
  std::vector<std::string> tokens;
  for (const std::int32_t id : ids) {
    if (std::optional<std::string> token = impl_->shown(id, skip_special_tokens)) tokens.push_back(*std::move(token));
  }
  if (impl_->decoder) {
    std::size_t bytes = 0;
    for (const std::string& token : tokens) bytes += token.size();
    IA_TRY(impl_->decoder->run(tokens, TextBounds::of(bytes, {})));
  }
  std::string text;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (i > 0 && !impl_->decoder) text += ' ';
    text += tokens[i];
  }
  return text;
}

bool Tokenizer::shows(std::int32_t id, bool skip_special_tokens) const {
  return impl_->shown(id, skip_special_tokens).has_value();
}

std::optional<std::int32_t> Tokenizer::token_id(std::string_view token) const {
  if (const auto id = impl_->added.id(token)) return id;
  const std::int32_t id = impl_->model->vocabulary().id(token);
  return id == -1 ? std::nullopt : std::optional(id);
}

std::optional<std::string> Tokenizer::token(std::int32_t id) const { return impl_->token(id); }
std::size_t Tokenizer::vocabulary_size() const {
  return impl_->model->vocabulary().size() + impl_->added.beyond_vocabulary();
}
const std::optional<Truncation>& Tokenizer::truncation() const { return impl_->truncation; }
const std::optional<Padding>& Tokenizer::padding() const { return impl_->padding; }

std::string Tokenizer::normalize(std::string_view text) const {
  std::string storage;
  AlignedText aligned = AlignedText::identity(well_formed(text, storage));
  if (impl_->normalizer && !impl_->normalizer->run(aligned, 0, TextBounds::of(text.size(), {}))) return {};
  return aligned.text;
}

std::vector<std::pair<std::string, Offsets>> Tokenizer::pre_tokenize(std::string_view normalized) const {
  std::string storage;
  SplitText split{AlignedText::identity(well_formed(normalized, storage)), {}};
  if (!split.text.text.empty()) split.pieces.push_back({0, split.text.text.size()});
  if (impl_->pre_tokenizer && !impl_->pre_tokenizer->run(split, TextBounds::of(normalized.size(), {}))) return {};
  std::vector<std::pair<std::string, Offsets>> result;
  for (const Piece& piece : split.pieces) {
    const Span span = split.span(piece.begin, piece.end);
    result.emplace_back(split.view(piece),
                        Offsets{static_cast<std::int32_t>(span.begin), static_cast<std::int32_t>(span.end)});
  }
  return result;
}

}  // namespace ipfs_accelerate
