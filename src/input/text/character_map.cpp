// Reading the map, every offset of a value checked, and looking texts up.
#include "input/text/character_map.h"

#include <format>
#include <utility>

#include "input/text/utf8.h"

namespace ipfs_accelerate::input {
namespace {

std::uint32_t little_endian(ByteView bytes) {
  return bytes[0] | std::uint32_t{bytes[1]} << 8 | std::uint32_t{bytes[2]} << 16 | std::uint32_t{bytes[3]} << 24;
}

template <class... Values>
std::unexpected<Error> malformed(std::format_string<Values...> what, Values&&... values) {
  return fail(ErrorCode::kMalformedConfig, "tokenizer.json: precompiled_charsmap {}",
              std::format(what, std::forward<Values>(values)...));
}

}  // namespace

Result<CharacterMap> CharacterMap::read(ByteView bytes) {
  if (bytes.size() < 4) return malformed("has {} bytes; it starts with the size of its trie, 4 bytes", bytes.size());
  const std::size_t size = little_endian(bytes);
  bytes = bytes.subspan(4);
  if (size == 0 || size % 4 != 0 || size > bytes.size()) {
    return malformed("says that its trie has {} bytes; a multiple of 4 from 4 to {} can be", size, bytes.size());
  }
  CharacterMap map;
  map.units_.reserve(size / 4);
  for (std::size_t at = 0; at < size; at += 4) map.units_.push_back(little_endian(bytes.subspan(at, 4)));
  map.replacements_ = as_text(bytes.subspan(size));
  if (!is_valid_utf8(map.replacements_)) return malformed("has replacements that are not UTF-8");
  IA_TRY(map.check());
  return map;
}

Result<void> CharacterMap::check() const {
  for (std::size_t i = 0; i < units_.size(); ++i) {
    if ((units_[i] & kIsValue) || !(units_[i] & kHasValue)) continue;
    const std::size_t at = i ^ offset(units_[i]);
    if (at >= units_.size()) return malformed("unit {} has its value at {} of {} units", i, at, units_.size());
    const std::size_t begin = units_[at] & ~kIsValue;
    if (begin > replacements_.size() || (begin < replacements_.size() && is_continuation(replacements_[begin])))
      return malformed("unit {} names byte {} of {} bytes of replacements", i, begin, replacements_.size());
  }
  return {};
}

std::optional<std::string_view> CharacterMap::replacement(std::string_view text) const {
  std::size_t at = offset(units_[0]);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    at ^= byte;
    if (byte == 0 || at >= units_.size() || (units_[at] & (kIsValue | 0xFF)) != byte) return std::nullopt;
    const Unit unit = units_[at];
    at ^= offset(unit);
    if (!(unit & kHasValue)) continue;
    const std::string_view found = std::string_view(replacements_).substr(units_[at] & ~kIsValue);
    return found.substr(0, found.find('\0'));
  }
  return std::nullopt;
}

}  // namespace ipfs_accelerate::input
