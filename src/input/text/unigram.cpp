// Unigram: of all ways to cut a piece into tokens, the one with the greatest sum of scores.
#include <algorithm>
#include <array>
#include <bit>
#include <format>
#include <utility>

#include "input/text/text_ends.h"
#include "input/text/token_model.h"
#include "input/text/utf8.h"

namespace ipfs_accelerate::input {
namespace {

// How many tokens may fit a piece, per byte of it. A vocabulary of all lengths of one character and a text of nothing
// else could take hours.
constexpr std::size_t kMatchesPerByte = 256;
constexpr std::size_t kFreeMatches = 65536;

// What an unknown character costs beyond the least likely token.
constexpr double kUnknownPenalty = 10;

class Unigram final : public TokenModel {
 public:
  Unigram(Vocabulary vocabulary, const std::vector<double>& scores)
      : TokenModel(std::move(vocabulary)), finder_(Trie(vocabulary_.all())) {
    unknown_score_ = std::ranges::min(scores) - kUnknownPenalty;
    std::size_t longest = 4;  // an unknown character
    for (std::size_t id = 0; id < scores.size(); ++id) {
      const std::size_t size = vocabulary_.token(static_cast<std::int32_t>(id)).size();
      weights_.push_back({scores[id], static_cast<std::uint32_t>(size)});
      longest = std::max(longest, size);
    }
    ring_ = std::bit_ceil(longest + 1);
    for (unsigned byte = 0; byte < bytes_.size(); ++byte)
      bytes_[byte] = vocabulary_.id(std::format("<0x{:02X}>", byte));
  }

  static Result<std::unique_ptr<TokenModel>> make(const Fields& fields) {
    std::vector<double> scores;
    IA_ASSIGN(Vocabulary vocabulary, Vocabulary::from_list(fields, scores));
    std::int32_t unknown = -1;
    if (fields.find("unk_id")) {
      IA_ASSIGN(unknown, fields.number("unk_id"));
      if (static_cast<std::size_t>(unknown) >= scores.size())
        return fields.wrong("unk_id", std::format("below {}, the number of tokens; it is {}", scores.size(), unknown));
    }
    auto result = std::make_unique<Unigram>(std::move(vocabulary), scores);
    IA_ASSIGN(result->byte_fallback_, fields.flag("byte_fallback", false));
    result->unknown_ = result->nameless_ = unknown;
    return result;
  }

  Result<void> tokenize(std::string_view piece, ModelScratch& scratch, std::vector<Token>& tokens,
                        const TextBounds& bounds) const override {
    IA_TRY(find_ways(piece, scratch, bounds));
    const std::size_t first = tokens.size();
    walk_back(piece, scratch, tokens);
    std::reverse(tokens.begin() + static_cast<std::ptrdiff_t>(first), tokens.end());
    if (std::any_of(tokens.begin() + static_cast<std::ptrdiff_t>(first), tokens.end(), is_open))
      return name_unknown(piece, first, tokens);
    return {};
  }

 private:
  // In scratch.arrivals besides ids; -1 where no character ends.
  static constexpr std::int32_t kUnknownCharacter = -2;

  struct Weight {
    double score;
    std::uint32_t size;  // bytes
  };

  static bool is_open(const Token& token) { return token.id == kUnknownCharacter; }

  // The best way to every byte where a token ends.
  Result<void> find_ways(std::string_view piece, ModelScratch& scratch, const TextBounds& bounds) const {
    const std::size_t mask = std::min(ring_, std::bit_ceil(piece.size() + 1)) - 1;
    if (scratch.scores.size() <= mask) scratch.scores.resize(mask + 1);
    scratch.scores[0] = 0;
    scratch.arrivals.assign(piece.size() + 1, -1);
    const std::size_t allowed = kMatchesPerByte * piece.size() + kFreeMatches;
    std::size_t matches = 0, character = 0;  // where the latest character begins
    std::uint32_t node = Trie::kRoot;
    for (std::size_t end = 1; end <= piece.size(); ++end) {
      if (end % kBoundsInterval == 0) IA_TRY(bounds.check_stop());
      node = finder_.next(node, piece[end - 1]);
      if (end < piece.size() && is_continuation(piece[end])) continue;
      const Way way = best_way(node, character, end, [&](std::size_t at) { return scratch.scores[at & mask]; });
      scratch.scores[end & mask] = way.score;
      scratch.arrivals[end] = way.last;
      character = end;
      matches += way.matches;
      if (matches > allowed) return too_long(piece.size());
    }
    return {};
  }

  struct Way {
    double score = 0;
    std::int32_t last = -1;
    std::size_t matches = 0;

    void offer(double other, std::int32_t id) {
      if (matches++ > 0 && !(other > score)) return;
      score = other;
      last = id;
    }
  };

  // The best way to `end`, from the scores of the places before. Of equal ways the one whose last token is the longest
  // stays, as the reference has it: finder_ tells the longest first.
  template <class Score>
  Way best_way(std::uint32_t node, std::size_t character, std::size_t end, Score score_at) const {
    Way way;
    bool has_single = false;
    for (std::uint32_t found = finder_.longest(node); found != Trie::kNone; found = finder_.shorter(found)) {
      const std::int32_t id = finder_.id(found);
      const Weight& token = weights_[static_cast<std::size_t>(id)];
      way.offer(score_at(end - token.size) + token.score, id);
      has_single |= end - token.size == character;
    }
    if (!has_single) way.offer(score_at(character) + unknown_score_, kUnknownCharacter);
    return way;
  }

  // Appends the tokens of the best way, the last one first; unknown characters side by side are one.
  void walk_back(std::string_view piece, const ModelScratch& scratch, std::vector<Token>& tokens) const {
    bool joins = false;
    for (std::size_t end = piece.size(); end > 0;) {
      std::int32_t id = scratch.arrivals[end];
      std::size_t begin = end;
      if (id == kUnknownCharacter) {
        previous_code_point(piece, begin);
      } else {
        begin -= weights_[static_cast<std::size_t>(id)].size;
      }
      // The unknown token's own text counts as unknown, too.
      const bool unknown = id == kUnknownCharacter || id == unknown_;
      if (unknown && joins) {
        tokens.back().begin = static_cast<std::uint32_t>(begin);
        tokens.back().id = kUnknownCharacter;
      } else {
        tokens.push_back({id, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)});
      }
      joins = unknown;
      end = begin;
    }
  }

  // Gives what is unknown its tokens: one that happens to have this text, or one per byte, or the unknown token.
  Result<void> name_unknown(std::string_view piece, std::size_t first, std::vector<Token>& tokens) const {
    std::vector<Token> found(tokens.begin() + static_cast<std::ptrdiff_t>(first), tokens.end());
    tokens.resize(first);
    for (Token token : found) {
      const std::string_view text = piece.substr(token.begin, token.end - token.begin);
      if (is_open(token)) token.id = vocabulary_.id(text);
      if (token.id != -1) {
        tokens.push_back(token);
      } else if (byte_fallback_ && has_bytes(text)) {
        for (const char byte : text) tokens.push_back({byte_token(byte), token.begin, token.end});
      } else if (unknown_ != -1) {
        tokens.push_back({unknown_, token.begin, token.end});
      } else {
        return fail(ErrorCode::kMalformedConfig,
                    "tokenizer.json: '{}' is in no token, and model.unk_id names no token for what is unknown",
                    text.substr(0, utf8_length(static_cast<unsigned char>(text[0]))));
      }
    }
    return {};
  }

  std::int32_t byte_token(char byte) const { return bytes_[static_cast<unsigned char>(byte)]; }
  bool has_bytes(std::string_view text) const {
    return std::ranges::all_of(text, [&](char byte) { return byte_token(byte) != -1; });
  }

  static std::unexpected<Error> too_long(std::size_t bytes) {
    return fail(ErrorCode::kLimitExceeded,
                "a piece of {} bytes takes too long: more than {} tokens of the vocabulary fit there; cut the text",
                bytes, kMatchesPerByte * bytes + kFreeMatches);
  }

  TextEnds finder_;
  std::vector<Weight> weights_;  // by id
  double unknown_score_ = 0;
  std::size_t ring_ = 0;  // a power of two, more than the longest token
  std::array<std::int32_t, 256> bytes_{};
  std::int32_t unknown_ = -1;
  bool byte_fallback_ = false;
};

}  // namespace

Result<std::unique_ptr<TokenModel>> make_unigram(const Fields& fields) { return Unigram::make(fields); }

}  // namespace ipfs_accelerate::input
