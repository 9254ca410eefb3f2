// Sentencepiece's precompiled map of characters: a double-array trie from texts to places in a list of replacements.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace ipfs_accelerate::input {

class CharacterMap {
 public:
  /// The bytes: size of the trie (little-endian, 4 bytes), its units (4 bytes each), then the replacements, each ended
  /// by a zero byte. kMalformedConfig where an offset leads outside.
  static Result<CharacterMap> read(ByteView bytes);

  /// What takes the place of the shortest start of `text` that the map has; absent when it has none.
  std::optional<std::string_view> replacement(std::string_view text) const;

 private:
  // Unit bits: 0-7 label, 8 "a value stands at my offset", 9 the offset counts in 256, 10-30 offset; 31 marks a value.
  using Unit = std::uint32_t;
  static constexpr Unit kIsValue = Unit{1} << 31, kHasValue = 1u << 8;
  static std::size_t offset(Unit unit) { return std::size_t{unit >> 10 & 0x1FFFFF} << ((unit & 1u << 9) ? 8 : 0); }
  Result<void> check() const;

  std::vector<Unit> units_;
  std::string replacements_;
};

}  // namespace ipfs_accelerate::input
