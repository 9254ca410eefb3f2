// Fuzzes tokenizer.json and text: whatever loads must encode, decode and keep its offsets inside the text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "input/text/tokenizer.h"

// The input is a tokenizer.json, a zero byte, and a text.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ipfs_accelerate;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = input.find('\0');
  const auto tokenizer = Tokenizer::from_json(input.substr(0, end));
  if (!tokenizer) return 0;
  const std::string_view text = end == input.npos ? "Hello, caf\xC3\xA9 \xFF 12" : input.substr(end + 1);
  EncodeOptions options;
  options.truncation = Truncation{.max_length = 8, .stride = 1, .left = size % 2 == 0};
  options.padding.emplace().multiple_of = 4;
  for (const bool truncated : {false, true}) {
    const auto encoding = tokenizer->encode(text, text.substr(text.size() / 2), truncated ? options : EncodeOptions());
    if (!encoding) continue;
    for (const auto& [begin, last] : encoding->offsets) {
      if (begin < 0 || begin > last || static_cast<std::size_t>(last) > text.size()) std::abort();
    }
    if (encoding->ids.size() != encoding->tokens.size() || encoding->ids.size() != encoding->offsets.size())
      std::abort();
    (void)tokenizer->decode(encoding->ids, true);
    Tokenizer::DecodeStream stream(*tokenizer, false);
    for (const std::int32_t id : encoding->ids) (void)stream.step(id);
  }
  return 0;
}
