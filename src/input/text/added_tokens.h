// Added tokens: texts that become one token wherever they stand, before the model sees anything.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "input/text/normalizer.h"
#include "input/text/pre_tokenizer.h"
#include "input/text/vocabulary.h"

namespace ipfs_accelerate::input {

struct AddedToken {
  std::string content;
  std::string normalized_content;  ///< what it looks like in normalized text; `content` when not normalized
  bool single_word = false, left_strip = false, right_strip = false, normalized = false, special = false;
};

/// Finds the longest of several texts at each place.
class TextFinder {
 public:
  void add(std::string_view text, std::int32_t id);
  bool empty() const { return ids_.empty(); }
  struct Match {
    std::size_t begin, end;
    std::int32_t id;
  };
  /// The next match at or after `from`; kCancelled.
  Result<std::optional<Match>> find(std::string_view text, std::size_t from, const TextBounds& bounds) const;

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  std::unordered_map<std::string, std::int32_t, Hash, std::equal_to<>> ids_;
  std::array<std::vector<std::size_t>, 256> lengths_;  // by first byte, longest first
};

class AddedTokens {
 public:
  /// The tokens of the file's list, in its order. A token in the model's vocabulary keeps that id; others get the next
  /// free ones.
  static Result<AddedTokens> from_json(const Json* list, const Vocabulary& vocabulary, const Normalizer* normalizer);

  /// Cuts a raw text at the tokens that are matched before normalization: byte ranges that cover it.
  Result<std::vector<Piece>> split_raw(std::string_view text, const TextBounds& bounds) const {
    return split(text, raw_, bounds);
  }
  /// The same for a normalized text and the tokens matched after normalization.
  Result<std::vector<Piece>> split_normalized(std::string_view text, const TextBounds& bounds) const {
    return split(text, normalized_, bounds);
  }

  const AddedToken* find(std::int32_t id) const;
  std::optional<std::int32_t> id(std::string_view content) const;
  bool is_special(std::string_view content) const { return special_.contains(content); }
  /// How many are not in the model's vocabulary.
  std::size_t beyond_vocabulary() const { return beyond_; }

 private:
  static Result<AddedToken> read(const Json& json, const Normalizer* normalizer, std::size_t& normalized_bytes);
  void add(AddedToken token, const Vocabulary& vocabulary);
  Result<std::vector<Piece>> split(std::string_view text, const TextFinder& finder, const TextBounds& bounds) const;

  std::map<std::int32_t, AddedToken> by_id_;
  std::map<std::string, std::int32_t, std::less<>> ids_;
  std::set<std::string, std::less<>> special_;
  TextFinder raw_, normalized_;
  std::int32_t next_id_ = 0;
  std::size_t beyond_ = 0;
};

}  // namespace ipfs_accelerate::input
