// UTF-8: decoding of valid text, encoding, and repair of invalid bytes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ipfs_accelerate::input {

/// Bytes of the character that starts with `lead` in valid UTF-8.
inline std::size_t utf8_length(unsigned char lead) { return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4; }

inline bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

/// The code point at `at` of valid UTF-8; moves `at` behind it.
inline char32_t next_code_point(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) {
    ++at;
    return lead;
  }
  char32_t code;
  if (lead < 0xE0) {
    code = (lead & 0x1Fu) << 6 | (byte(1) & 0x3Fu);
    at += 2;
  } else if (lead < 0xF0) {
    code = (lead & 0x0Fu) << 12 | (byte(1) & 0x3Fu) << 6 | (byte(2) & 0x3Fu);
    at += 3;
  } else {
    code = (lead & 0x07u) << 18 | (byte(1) & 0x3Fu) << 12 | (byte(2) & 0x3Fu) << 6 | (byte(3) & 0x3Fu);
    at += 4;
  }
  return code;
}

/// The code point that ends at `at` (> 0) of valid UTF-8; moves `at` before it.
inline char32_t previous_code_point(std::string_view text, std::size_t& at) {
  do {
    --at;
  } while (is_continuation(text[at]));
  std::size_t copy = at;
  return next_code_point(text, copy);
}

/// Appends a code point; surrogates and values past U+10FFFF become U+FFFD.
void append_utf8(std::string& out, char32_t code);

/// Whether every byte belongs to a well-formed character.
bool is_valid_utf8(std::string_view text);

/// The text with each maximal ill-formed part replaced by U+FFFD (Unicode 3.9, as browsers do).
std::string repair_utf8(std::string_view text);

/// Characters in valid UTF-8.
std::size_t count_code_points(std::string_view text);

}  // namespace ipfs_accelerate::input
