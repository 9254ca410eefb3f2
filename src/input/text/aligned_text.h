// Text that remembers, for each of its bytes, which code points of the original text it came from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "input/text/text_bounds.h"
#include "input/text/unicode.h"

namespace ipfs_accelerate::input {

/// Half-open range of code points of the original text.
struct Span {
  std::uint32_t begin, end;
};

struct AlignedText {
  std::string text;         ///< valid UTF-8
  std::vector<Span> spans;  ///< one per byte of text; all bytes of a character have the same

  /// Unchanged text whose first character is code point `first` of the original.
  static AlignedText identity(std::string_view text, std::uint32_t first = 0);
  void append(char32_t code, Span span);
  void append(std::string_view part, Span span);
  /// Copies bytes [begin, end) of another text with their spans.
  void append(const AlignedText& other, std::size_t begin, std::size_t end);
  void reserve(std::size_t bytes);
};

/// The text after `changes` (see Change); `first` is the original code point where the text starts. `step` is who asks.
Result<AlignedText> apply_changes(const AlignedText& source, std::span<const Change> changes, std::uint32_t first,
                                  const TextBounds& bounds, std::string_view step);

/// Bytes [begin, end) of a text.
struct ByteRange {
  std::size_t begin, end;
};

/// Copies `source` with every range (sorted, apart) replaced by `content`, which takes the span of the last byte before
/// the range's end; `first` is the original code point where the text starts.
Result<AlignedText> replace_ranges(const AlignedText& source, std::span<const ByteRange> ranges,
                                   std::string_view content, std::uint32_t first, const TextBounds& bounds,
                                   std::string_view step);

}  // namespace ipfs_accelerate::input
