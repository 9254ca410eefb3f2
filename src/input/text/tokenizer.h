// Tokenizers as tokenizer.json describes them (the Hugging Face tokenizers format).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/stop.h"

namespace ipfs_accelerate {

/// Half-open range of Unicode code points of the original text.
using Offsets = std::pair<std::int32_t, std::int32_t>;

/// One encoded sequence (or pair), and the windows truncation cut off.
struct Encoding {
  std::vector<std::int32_t> ids, type_ids, attention_mask, special_tokens_mask;
  std::vector<std::string> tokens;
  std::vector<Offsets> offsets;
  std::vector<std::optional<std::int32_t>> word_ids, sequence_ids;
  std::vector<Encoding> overflowing;
};

enum class TruncationStrategy : std::uint8_t { kLongestFirst, kOnlyFirst, kOnlySecond };
struct Truncation {
  std::int32_t max_length = 512;
  std::int32_t stride = 0;
  TruncationStrategy strategy = TruncationStrategy::kLongestFirst;
  bool left = false;  ///< cut from the left
};
struct Padding {
  std::optional<std::int32_t> length;  ///< fixed length; absent = longest of the batch
  std::optional<std::int32_t> multiple_of;
  bool left = false;
  std::int32_t pad_id = 0, pad_type_id = 0;
  std::string pad_token = "[PAD]";
};
struct EncodeOptions {
  bool add_special_tokens = true;
  std::optional<Truncation> truncation;
  std::optional<Padding> padding;
  Stop stop{};  ///< looked at within a text: kCancelled
};

/// Immutable after loading; safe to use from several threads.
class Tokenizer {
 public:
  /// kMissingTokenizer without a vocabulary; kUnsupportedTokenizer names a component that is not implemented.
  static Result<Tokenizer> from_json(std::string_view tokenizer_json);
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  /// text and pair are UTF-8; invalid bytes become U+FFFD. A text has 64 MiB at most (kInputTooLong); what the file's
  /// steps make of it may have 16 times its bytes and 1 MiB, 64 MiB at most (kLimitExceeded).
  Result<Encoding> encode(std::string_view text, std::optional<std::string_view> pair,
                          const EncodeOptions& options) const;
  Result<std::vector<Encoding>> encode_batch(
      const std::vector<std::pair<std::string, std::optional<std::string>>>& texts, const EncodeOptions& options) const;
  Result<std::string> decode(const std::vector<std::int32_t>& ids, bool skip_special_tokens) const;
  std::optional<std::int32_t> token_id(std::string_view token) const;
  std::optional<std::string> token(std::int32_t id) const;
  std::size_t vocabulary_size() const;  ///< added tokens included
  /// What tokenizer.json itself asks for.
  const std::optional<Truncation>& truncation() const;
  const std::optional<Padding>& padding() const;

  /// For tests and the golden runner: the normalizer's and pre-tokenizer's results on one text.
  std::string normalize(std::string_view text) const;
  std::vector<std::pair<std::string, Offsets>> pre_tokenize(std::string_view normalized) const;

  /// Decodes ids one at a time. For the ids of a text, the pieces and what finish() gives are together what decode()
  /// gives. Keeps the latest ids and their text, a few dozen at most. The tokenizer must outlive it.
  class DecodeStream {
   public:
    DecodeStream(const Tokenizer& tokenizer, bool skip_special_tokens);
    /// What the id adds to the text; absent when that is nothing, or starts a character that is not complete. A token
    /// that changes text which was given out already (bytes that turn out to be no UTF-8) adds its own text.
    Result<std::optional<std::string>> step(std::int32_t id);
    /// What is held back at the end of the ids, if anything; then the stream is new again.
    Result<std::string> finish();

   private:
    Result<std::string> decoded(std::size_t first, std::size_t count) const;
    Result<std::string> beyond_prefix(std::string text, std::size_t given) const;
    Result<void> forget_before(std::size_t given);
    Result<void> pass_over_empty();

    const Tokenizer* tokenizer_;
    bool skip_special_tokens_;
    std::vector<std::int32_t> ids_;
    std::string prefix_;  // the text of the first prefix_index_ ids: given out already
    std::size_t prefix_index_ = 0;
  };

 private:
  /// Whether decode() has text for the id.
  bool shows(std::int32_t id, bool skip_special_tokens) const;
  struct Impl;
  explicit Tokenizer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ipfs_accelerate
