// Fuzzes tokenizer.json and text: whatever loads must encode, decode and keep its offsets inside the text.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/base64.h"
#include "input/text/tokenizer.h"

namespace {

using namespace ipfs_accelerate;
using Json = nlohmann::json;

void exercise(std::string_view json, std::string_view text) {
  const auto tokenizer = Tokenizer::from_json(json);
  if (!tokenizer) return;
  EncodeOptions options;
  options.truncation = Truncation{.max_length = 8, .stride = 1, .left = text.size() % 2 == 0};
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
    (void)stream.finish();
  }
}

// Up to the next `end`, which is taken away.
std::string_view take(std::string_view& input, char end) {
  const std::size_t size = std::min(input.find(end), input.size());
  const std::string_view part = input.substr(0, size);
  input.remove_prefix(std::min(size + 1, input.size()));
  return part;
}

// A Unigram model with a precompiled map, made of bytes: how many units the map has, what is done otherwise, the map's
// units and replacements, tokens of a line each with a score as the first byte, an empty line, the text.
void exercise_unigram(std::string_view input) {
  if (input.size() < 2) return;
  const std::size_t units = static_cast<unsigned char>(input[0]);
  const auto flags = static_cast<unsigned char>(input[1]);
  input.remove_prefix(2);
  const std::size_t trie = 4 * units;
  Bytes map{static_cast<std::uint8_t>(trie), static_cast<std::uint8_t>(trie >> 8), 0, 0};
  const std::size_t size = std::min(trie, input.size());
  map.insert(map.end(), input.begin(), input.begin() + static_cast<std::ptrdiff_t>(size));
  input.remove_prefix(size);
  for (const char byte : take(input, '\n')) map.push_back(byte == ';' ? 0 : static_cast<std::uint8_t>(byte));
  Json vocab = Json::array({Json::array({"<unk>", 0}), Json::array({"<0x61>", -1})});
  for (std::string_view line = take(input, '\n'); !line.empty(); line = take(input, '\n'))
    vocab.push_back({std::string(line.substr(1)), static_cast<signed char>(line[0]) / 4.0});
  const Json meta = {{"type", "Metaspace"},
                     {"replacement", "\xE2\x96\x81"},
                     {"prepend_scheme", (flags & 1)   ? "always"
                                        : (flags & 2) ? "first"
                                                      : "never"},
                     {"split", (flags & 4) != 0}};
  Json json = {{"pre_tokenizer", meta},
               {"decoder", meta},
               {"model", {{"type", "Unigram"}, {"vocab", vocab}, {"byte_fallback", (flags & 8) != 0}}}};
  if (units) json["normalizer"] = {{"type", "Precompiled"}, {"precompiled_charsmap", base64(map)}};
  if (!(flags & 16)) json["model"]["unk_id"] = flags % 2;
  exercise(json.dump(-1, ' ', false, Json::error_handler_t::replace), input);
}

}  // namespace

// The input is a tokenizer.json, a zero byte, and a text; or, after the byte 1, what exercise_unigram reads.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.starts_with('\1')) {
    exercise_unigram(input.substr(1));
    return 0;
  }
  const bool has_text = input.find('\0') != input.npos;
  const std::string_view json = take(input, '\0');
  exercise(json, has_text ? input : "Hello, caf\xC3\xA9 \xFF 12");
  return 0;
}
