// Models of tokenizer.json: from one piece of text to tokens.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "input/fields.h"
#include "input/vocabulary.h"

namespace ipfs_accelerate::input {

/// A token of bytes [begin, end) of a piece.
struct Token {
  std::int32_t id;
  std::uint32_t begin, end;
};

/// Memory a model reuses from piece to piece; one per call, so that models stay immutable.
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
};

class TokenModel {
 public:
  virtual ~TokenModel() = default;
  /// Appends the tokens of `piece` (not empty).
  virtual Result<void> tokenize(std::string_view piece, ModelScratch& scratch, std::vector<Token>& tokens) const = 0;
  const Vocabulary& vocabulary() const { return vocabulary_; }

 protected:
  explicit TokenModel(Vocabulary vocabulary) : vocabulary_(std::move(vocabulary)) {}
  Vocabulary vocabulary_;
};

Result<std::unique_ptr<TokenModel>> make_word_piece(const Fields& fields);
Result<std::unique_ptr<TokenModel>> make_bpe(const Fields& fields);
/// By `type`; kUnsupportedTokenizer names a model that is not implemented.
Result<std::unique_ptr<TokenModel>> make_token_model(const Json& json);

}  // namespace ipfs_accelerate::input
