// WordPiece: the longest token first, over a trie.
#include <utility>

#include "input/text/token_model.h"
#include "input/text/trie.h"
#include "input/text/utf8.h"

namespace ipfs_accelerate::input {
namespace {

class WordPiece final : public TokenModel {
 public:
  explicit WordPiece(Vocabulary vocabulary) : TokenModel(std::move(vocabulary)) {}

  static Result<std::unique_ptr<TokenModel>> make(const Fields& fields) {
    IA_ASSIGN(Vocabulary vocabulary, Vocabulary::from_json(fields));
    auto result = std::make_unique<WordPiece>(std::move(vocabulary));
    IA_ASSIGN(const auto unknown, fields.optional_text("unk_token"));
    IA_ASSIGN(const auto prefix, fields.optional_text("continuing_subword_prefix"));
    IA_ASSIGN(result->max_characters_, fields.number("max_input_chars_per_word", 100));
    result->unknown_token_ = unknown.value_or("[UNK]");
    result->unknown_ = result->vocabulary_.id(result->unknown_token_);
    result->trie_ = Trie(result->vocabulary_.all());
    result->continuing_ = result->trie_.find(prefix.value_or("##"));
    return result;
  }

  Result<void> tokenize(std::string_view piece, ModelScratch&, std::vector<Token>& tokens,
                        const TextBounds& bounds) const override {
    const std::size_t before = tokens.size();
    const bool fits = piece.size() <= static_cast<std::size_t>(max_characters_) ||
                      count_code_points(piece) <= static_cast<std::size_t>(max_characters_);
    std::size_t begin = 0;
    while (fits && begin < piece.size()) {
      if (tokens.size() % kBoundsInterval == 0) IA_TRY(bounds.check_stop());
      const auto [id, end] = longest(piece, begin);
      if (id == -1) break;
      tokens.push_back({id, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)});
      begin = end;
    }
    if (begin == piece.size()) return {};
    // One part without a token makes the whole word unknown.
    if (unknown_ == -1) {
      return fail(ErrorCode::kMalformedConfig, "tokenizer.json: the unknown token '{}' is not in the vocabulary",
                  unknown_token_);
    }
    tokens.resize(before);
    tokens.push_back({unknown_, 0, static_cast<std::uint32_t>(piece.size())});
    return {};
  }

 private:
  // The longest token at `begin`: its id (-1: none) and end.
  std::pair<std::int32_t, std::size_t> longest(std::string_view piece, std::size_t begin) const {
    std::uint32_t node = begin == 0 ? 0 : continuing_;
    std::pair<std::int32_t, std::size_t> best{-1, begin};
    for (std::size_t i = begin; i < piece.size() && node != Trie::kNone; ++i) {
      node = trie_.child(node, piece[i]);
      if (node != Trie::kNone && trie_.id(node) != -1) best = {trie_.id(node), i + 1};
    }
    return best;
  }

  Trie trie_;
  std::uint32_t continuing_ = Trie::kNone;  // where the continuing prefix ends
  std::int32_t unknown_ = -1, max_characters_ = 100;
  std::string unknown_token_;
};

}  // namespace

Result<std::unique_ptr<TokenModel>> make_word_piece(const Fields& fields) { return WordPiece::make(fields); }

}  // namespace ipfs_accelerate::input
