// Normalizers of tokenizer.json: what is done to a text before it is split.
#pragma once

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "input/text/aligned_text.h"
#include "input/text/fields.h"
#include "input/text/text_bounds.h"

namespace ipfs_accelerate::input {

class Normalizer {
 public:
  virtual ~Normalizer() = default;
  /// Rewrites `text`, which starts at code point `first` of the original, and looks at the bounds as it grows.
  virtual Result<void> run(AlignedText& text, std::uint32_t first, const TextBounds& bounds) const = 0;
};

/// kUnsupportedTokenizer names a type that is not implemented.
Result<std::unique_ptr<Normalizer>> make_normalizer(const Json& json, int depth = 0);
/// Type Precompiled: sentencepiece's map of characters.
Result<std::unique_ptr<Normalizer>> make_precompiled(const Fields& fields);

/// The printable character that stands for each byte in byte-level vocabularies (GPT-2's table).
char32_t byte_character(std::uint8_t byte);
/// The byte a character stands for, or -1.
int character_byte(char32_t code);

}  // namespace ipfs_accelerate::input
