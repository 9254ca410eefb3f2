// Rewriting text while keeping track of where each byte came from.
#include "input/text/aligned_text.h"

#include "input/text/utf8.h"

namespace ipfs_accelerate::input {

AlignedText AlignedText::identity(std::string_view text, std::uint32_t first) {
  AlignedText result;
  result.text = text;
  result.spans.resize(text.size());
  std::uint32_t index = first;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!is_continuation(text[i])) ++index;
    result.spans[i] = {index - 1, index};
  }
  return result;
}

void AlignedText::reserve(std::size_t bytes) {
  text.reserve(bytes);
  spans.reserve(bytes);
}

void AlignedText::append(char32_t code, Span span) {
  if (code < 0x80) {
    text.push_back(static_cast<char>(code));
    spans.push_back(span);
    return;
  }
  append_utf8(text, code);
  spans.resize(text.size(), span);
}

void AlignedText::append(std::string_view part, Span span) {
  text.append(part);
  spans.resize(text.size(), span);
}

void AlignedText::append(const AlignedText& other, std::size_t begin, std::size_t end) {
  text.append(other.text, begin, end - begin);
  const auto from = other.spans.begin();
  spans.insert(spans.end(), from + static_cast<std::ptrdiff_t>(begin), from + static_cast<std::ptrdiff_t>(end));
}

Result<AlignedText> apply_changes(const AlignedText& source, std::span<const Change> changes, std::uint32_t first,
                                  const TextBounds& bounds, std::string_view step) {
  AlignedText result;
  result.reserve(source.text.size());
  std::size_t at = 0;  // the next source byte
  const auto skip = [&] {
    if (at < source.text.size()) at += utf8_length(static_cast<unsigned char>(source.text[at]));
  };
  std::size_t visited = 0;
  for (const auto [code, change] : changes) {
    if (++visited % kBoundsInterval == 0) IA_TRY(bounds.check(result.text.size(), step));
    if (change > 0 || at >= source.text.size()) {
      // What is new belongs to the character before it.
      result.append(code, at == 0 ? Span{first, first} : source.spans[at - 1]);
      continue;
    }
    result.append(code, source.spans[at]);
    for (std::int32_t i = change; i <= 0; ++i) skip();
  }
  IA_TRY(bounds.check(result.text.size(), step));
  return result;
}

Result<AlignedText> replace_ranges(const AlignedText& source, std::span<const ByteRange> ranges,
                                   std::string_view content, std::uint32_t first, const TextBounds& bounds,
                                   std::string_view step) {
  AlignedText result;
  result.reserve(source.text.size());
  std::size_t done = 0;
  for (const auto [begin, end] : ranges) {
    result.append(source, done, begin);
    IA_TRY(bounds.check(result.text.size() + content.size(), step));
    result.append(content, end == 0 ? Span{first, first} : source.spans[end - 1]);
    done = end;
  }
  result.append(source, done, source.text.size());
  IA_TRY(bounds.check(result.text.size(), step));
  return result;
}

}  // namespace ipfs_accelerate::input
