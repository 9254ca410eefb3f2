// Models of tokenizer.json: from one piece of text to tokens.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "input/text/fields.h"
#include "input/text/text_bounds.h"
#include "input/text/vocabulary.h"

namespace ipfs_accelerate::input {

/// A token of bytes [begin, end) of a piece.
struct Token {
  std::int32_t id;
  std::uint32_t begin, end;
};

/// The tokens of short pieces that were seen before: one entry per hash value, the latest piece wins.
class PieceCache {
 public:
  PieceCache() : entries_(kEntries) {}
  static bool fits(std::string_view piece) { return piece.size() <= kMaxBytes; }
  /// Appends the tokens of `piece`; false when it is not here. `hash` is hash_bytes(piece).
  bool find(std::string_view piece, std::uint64_t hash, std::vector<Token>& tokens) const;
  void keep(std::string_view piece, std::uint64_t hash, const std::vector<Token>& tokens);

 private:
  static constexpr std::size_t kEntries = 8192, kMaxBytes = 24, kMaxTokens = 6;
  struct Entry {
    std::uint8_t bytes = 0, count = 0;
    std::array<char, kMaxBytes> text{};
    std::array<std::uint8_t, kMaxTokens> ends{};
    std::array<std::int32_t, kMaxTokens> ids{};
  };
  std::vector<Entry> entries_;
};

/// What a model reuses from piece to piece and call to call; used by one thread at a time, so that models stay
/// immutable.
struct ModelScratch {
  struct Symbol {
    std::int32_t id;
    std::uint32_t size;  // bytes; 0: merged away
    std::int32_t previous, next;
  };
  struct Merge {
    std::uint32_t rank, position;
    std::int32_t id;
  };
  std::vector<Symbol> symbols;
  std::vector<Merge> heap;
  std::vector<std::int32_t> arrivals;  // Unigram: the last token of the best way to each byte
  std::vector<double> scores;          // Unigram: of the ways to the latest bytes, in a ring
  PieceCache cache;

  /// Gives back what a very long piece needed.
  void trim();
};

class TokenModel {
 public:
  virtual ~TokenModel() = default;
  /// Appends the tokens of `piece` (not empty); kCancelled, looked for within a long piece.
  virtual Result<void> tokenize(std::string_view piece, ModelScratch& scratch, std::vector<Token>& tokens,
                                const TextBounds& bounds) const = 0;
  const Vocabulary& vocabulary() const { return vocabulary_; }
  /// What a token of `text` is called: its text in the vocabulary, or what it stands for (Unigram's unknown token).
  std::string_view name(std::int32_t id, std::string_view text) const {
    return id == nameless_ ? text : vocabulary_.token(id);
  }

 protected:
  explicit TokenModel(Vocabulary vocabulary) : vocabulary_(std::move(vocabulary)) {}
  Vocabulary vocabulary_;
  std::int32_t nameless_ = -1;
};

Result<std::unique_ptr<TokenModel>> make_word_piece(const Fields& fields);
Result<std::unique_ptr<TokenModel>> make_bpe(const Fields& fields);
Result<std::unique_ptr<TokenModel>> make_unigram(const Fields& fields);
/// By `type`; kUnsupportedTokenizer names a model that is not implemented.
Result<std::unique_ptr<TokenModel>> make_token_model(const Json& json);

}  // namespace ipfs_accelerate::input
