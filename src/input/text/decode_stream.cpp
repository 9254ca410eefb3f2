// Text from ids that come one at a time, as tokenizers' own stream gives it.
#include <utility>

#include "input/text/tokenizer.h"

namespace ipfs_accelerate {
namespace {

// What stands for bytes that form no character, or none yet.
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
// Ids that may wait for the rest of a character; more are no character, and their text goes out as it is.
constexpr std::size_t kMaxWaiting = 32;
// A character has 4 bytes at most, so so many tokens can be the start of one.
constexpr std::size_t kMaxStart = 3;

}  // namespace

Tokenizer::DecodeStream::DecodeStream(const Tokenizer& tokenizer, bool skip_special_tokens)
    : tokenizer_(&tokenizer), skip_special_tokens_(skip_special_tokens) {}

// The text of `count` ids of ours.
Result<std::string> Tokenizer::DecodeStream::decoded(std::size_t first, std::size_t count) const {
  const auto begin = ids_.begin() + static_cast<std::ptrdiff_t>(first);
  return tokenizer_->decode({begin, begin + static_cast<std::ptrdiff_t>(count)}, skip_special_tokens_);
}

// What `text`, that of the first `given` ids, has beyond what was given out.
Result<std::string> Tokenizer::DecodeStream::beyond_prefix(std::string text, std::size_t given) const {
  if (text.starts_with(prefix_)) return text.substr(prefix_.size());
  return decoded(prefix_index_, given - prefix_index_);
}

// The first `given` ids have been given out. The latest of them stay: decoders treat the first token of a text
// otherwise.
Result<void> Tokenizer::DecodeStream::forget_before(std::size_t given) {
  ids_.erase(ids_.begin(), ids_.begin() + static_cast<std::ptrdiff_t>(prefix_index_));
  prefix_index_ = given - prefix_index_;
  IA_ASSIGN(prefix_, decoded(0, prefix_index_));
  return {};
}

// Tokens without text so far (a space at the very start) count as given out.
Result<void> Tokenizer::DecodeStream::pass_over_empty() {
  if (!prefix_.empty() || ids_.empty()) return {};
  if (prefix_index_ > kMaxWaiting) ids_.resize(1);
  IA_ASSIGN(std::string prefix, decoded(0, ids_.size()));
  if (prefix.ends_with(kReplacement)) return {};
  prefix_ = std::move(prefix);
  prefix_index_ = ids_.size();
  return {};
}

Result<std::optional<std::string>> Tokenizer::DecodeStream::step(std::int32_t id) {
  if (!tokenizer_->shows(id, skip_special_tokens_)) return std::nullopt;
  IA_TRY(pass_over_empty());
  ids_.push_back(id);
  std::size_t given = ids_.size();
  IA_ASSIGN(std::string text, decoded(0, given));
  if (text.size() <= prefix_.size() || text.ends_with(kReplacement)) {
    if (given - prefix_index_ <= kMaxWaiting) return std::nullopt;
    given -= kMaxStart;
    IA_ASSIGN(text, decoded(0, given));
  }
  IA_ASSIGN(std::string piece, beyond_prefix(std::move(text), given));
  IA_TRY(forget_before(given));
  if (piece.empty()) return std::nullopt;
  return std::optional(std::move(piece));
}

Result<std::string> Tokenizer::DecodeStream::finish() {
  IA_ASSIGN(std::string text, decoded(0, ids_.size()));
  IA_ASSIGN(std::string piece, beyond_prefix(std::move(text), ids_.size()));
  ids_.clear();
  prefix_.clear();
  prefix_index_ = 0;
  return piece;
}

}  // namespace ipfs_accelerate
