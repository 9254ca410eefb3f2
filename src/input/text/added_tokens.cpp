// Reading and finding added tokens.
#include "input/text/added_tokens.h"

#include <algorithm>
#include <utility>

#include "input/text/unicode.h"
#include "input/text/utf8.h"

namespace ipfs_accelerate::input {

namespace {

// A look hashes as many bytes as a token has, so fewer of them pass between two looks at the stop.
constexpr std::size_t kLooksBetweenStops = 64;
// What an added token may grow by beyond its share when it is normalized; all of them together are one text.
constexpr std::size_t kTokenSlack = 4096;

}  // namespace

void TextFinder::add(std::string_view text, std::int32_t id) {
  if (!ids_.emplace(text, id).second) return;
  auto& lengths = lengths_[static_cast<unsigned char>(text[0])];
  if (std::ranges::find(lengths, text.size()) != lengths.end()) return;
  lengths.insert(std::ranges::upper_bound(lengths, text.size(), std::greater<>()), text.size());
}

Result<std::optional<TextFinder::Match>> TextFinder::find(std::string_view text, std::size_t from,
                                                          const TextBounds& bounds) const {
  if (ids_.empty()) return std::nullopt;
  std::size_t tried = 0;
  for (std::size_t at = from; at < text.size(); ++at) {
    for (const std::size_t length : lengths_[static_cast<unsigned char>(text[at])]) {
      if (length > text.size() - at) continue;
      if (tried++ % kLooksBetweenStops == 0) IA_TRY(bounds.check_stop());
      const auto found = ids_.find(text.substr(at, length));
      if (found != ids_.end()) return Match{at, at + length, found->second};
    }
  }
  return std::nullopt;
}

Result<AddedToken> AddedTokens::read(const Json& json, const Normalizer* normalizer, std::size_t& normalized_bytes) {
  IA_ASSIGN(const Fields fields, Fields::of(json, "added_tokens"));
  AddedToken token;
  IA_TRY(fields.number("id"));
  IA_ASSIGN(token.content, fields.text("content"));
  IA_ASSIGN(token.single_word, fields.flag("single_word", false));
  IA_ASSIGN(token.left_strip, fields.flag("lstrip", false));
  IA_ASSIGN(token.right_strip, fields.flag("rstrip", false));
  IA_ASSIGN(token.special, fields.flag("special", false));
  IA_ASSIGN(token.normalized, fields.flag("normalized", !token.special));
  token.normalized_content = token.content;
  if (token.normalized && normalizer) {
    AlignedText text = AlignedText::identity(token.content);
    const TextBounds bounds = TextBounds::of(token.content.size(), {}, kTokenSlack);
    IA_TRY(normalizer->run(text, 0, bounds));
    IA_TRY(TextBounds(kMaxTextBytes, {}).beside(normalized_bytes).check(text.text.size(), "normalizing added tokens"));
    normalized_bytes += text.text.size();
    token.normalized_content = std::move(text.text);
    if (token.normalized_content.empty() && !token.content.empty()) {
      return fail(ErrorCode::kMalformedConfig,
                  "tokenizer.json: nothing is left of the added token '{}' after normalization", token.content);
    }
  }
  return token;
}

void AddedTokens::add(AddedToken token, const Vocabulary& vocabulary) {
  std::int32_t id = vocabulary.id(token.content);
  if (const auto known = ids_.find(token.content); known != ids_.end()) {
    id = known->second;
  } else if (id == -1) {
    id = next_id_++;
    ++beyond_;
  }
  ids_[token.content] = id;
  if (token.special) special_.insert(token.content);
  by_id_[id] = std::move(token);
}

Result<AddedTokens> AddedTokens::from_json(const Json* list, const Vocabulary& vocabulary,
                                           const Normalizer* normalizer) {
  AddedTokens result;
  result.next_id_ = static_cast<std::int32_t>(vocabulary.size());
  if (!list) return result;
  if (!list->is_array()) return fail(ErrorCode::kMalformedConfig, "tokenizer.json: added_tokens must be an array");
  std::size_t normalized_bytes = 0;
  for (const Json& json : *list) {
    IA_ASSIGN(AddedToken token, read(json, normalizer, normalized_bytes));
    if (!token.content.empty()) result.add(std::move(token), vocabulary);
  }
  for (const auto& [id, token] : result.by_id_)
    (token.normalized ? result.normalized_ : result.raw_).add(token.normalized_content, id);
  return result;
}

Result<std::vector<Piece>> AddedTokens::split(std::string_view text, const TextFinder& finder,
                                              const TextBounds& bounds) const {
  std::vector<Piece> pieces;
  std::size_t done = 0, from = 0;
  for (;;) {
    IA_ASSIGN(const auto match, finder.find(text, from, bounds));
    if (!match) break;
    from = match->end;
    std::size_t begin = match->begin, end = match->end;
    const AddedToken& token = by_id_.at(match->id);
    if (token.single_word) {
      std::size_t before = begin, after = end;
      const bool joined = (begin > 0 && is_word(previous_code_point(text, before))) ||
                          (end < text.size() && is_word(next_code_point(text, after)));
      if (joined) continue;
    }
    begin = std::max(begin, done);  // an earlier token may have taken white space that starts this one
    for (std::size_t next = begin; token.left_strip && next > done && is_white_space(previous_code_point(text, next));)
      begin = next;
    for (std::size_t next = end;
         token.right_strip && next < text.size() && is_white_space(next_code_point(text, next));)
      end = next;
    if (end <= begin) continue;
    if (done < begin) pieces.push_back({done, begin});
    pieces.push_back({begin, end, match->id});
    done = end;
  }
  if (done < text.size()) pieces.push_back({done, text.size()});
  return pieces;
}

const AddedToken* AddedTokens::find(std::int32_t id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &found->second;
}

std::optional<std::int32_t> AddedTokens::id(std::string_view content) const {
  const auto found = ids_.find(content);
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

}  // namespace ipfs_accelerate::input
