// Sentencepiece's map of characters: what it replaces, offsets of the original, and maps that lie.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "input/text/character_map.h"
#include "input/text/tokenizer.h"

namespace ipfs_accelerate::input {
namespace {

using Json = nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

// Writes maps. Each node's children have a block of 256 units of their own, so nothing overlaps; offsets are multiples
// of 256, and so have the short form up to 2^21 and need the long one beyond.
class MapWriter {
 public:
  void add(std::string_view key, std::string_view value) {
    std::size_t node = 0;
    for (const char byte : key) node = next(node, static_cast<unsigned char>(byte));
    nodes_[node].value = static_cast<std::int64_t>(values_.size());
    values_ += value;
    values_ += '\0';
  }

  Bytes bytes() const {
    std::vector<std::uint32_t> units(256 * (nodes_.size() + 1));
    place(units, 0, 0, 0);
    Bytes result;
    const auto put = [&](std::uint32_t word) {
      for (int shift = 0; shift < 32; shift += 8) result.push_back(static_cast<std::uint8_t>(word >> shift));
    };
    put(static_cast<std::uint32_t>(4 * units.size()));
    for (const std::uint32_t unit : units) put(unit);
    result.insert(result.end(), values_.begin(), values_.end());
    return result;
  }

 private:
  struct Node {
    std::map<unsigned char, std::size_t> children;
    std::int64_t value = -1;
  };

  std::size_t next(std::size_t node, unsigned char byte) {
    const auto [found, added] = nodes_[node].children.emplace(byte, nodes_.size());
    if (added) nodes_.emplace_back();
    return found->second;
  }

  void place(std::vector<std::uint32_t>& units, std::size_t node, std::size_t at, std::uint32_t label) const {
    // The offset is such that at ^ offset is the block's start; at's low byte is the label it was reached by.
    const std::size_t base = 256 * (node + 1) + (at & 255);
    const std::size_t offset = at ^ base;
    units[at] = label | (nodes_[node].value >= 0 ? 1u << 8 : 0) | static_cast<std::uint32_t>(offset) << 10;
    if (nodes_[node].value >= 0) units[base] = 1u << 31 | static_cast<std::uint32_t>(nodes_[node].value);
    for (const auto& [byte, child] : nodes_[node].children) place(units, child, base ^ byte, byte);
  }

  std::vector<Node> nodes_{1};
  std::string values_;
};

Bytes small_map() {
  MapWriter map;
  map.add("ﬁ", "fi");
  map.add("e\u0301", "é");
  map.add("a", "A");
  map.add("\t", " ");
  map.add("\r", " ");
  map.add("\u200b", "");
  map.add("½", "1/2");
  return map.bytes();
}

Json tokenizer_with(const Json& charsmap) {
  return {{"normalizer", {{"type", "Precompiled"}, {"precompiled_charsmap", charsmap}}},
          {"pre_tokenizer", {{"type", "WhitespaceSplit"}}},
          {"model", {{"type", "Unigram"}, {"unk_id", 0}, {"vocab", Json::array({Json::array({"<unk>", 0})})}}}};
}

std::string normalized(std::string_view text) {
  const auto tokenizer = Tokenizer::from_json(tokenizer_with(base64(small_map())).dump());
  EXPECT_TRUE(tokenizer) << tokenizer.error().message;
  return tokenizer ? tokenizer->normalize(text) : "";
}

Error read_error(const Bytes& bytes) {
  const auto map = CharacterMap::read(bytes);
  return map ? Error{ErrorCode::kInternal, "read"} : map.error();
}

TEST(Precompiled, ReplacesClustersAndCharacters) {
  EXPECT_EQ(normalized("ﬁx ½\tb"), "fix 1/2 b");
  EXPECT_EQ(normalized("\u200bxy\u200b"), "xy");
  EXPECT_EQ(normalized("e\u0301e"), "ée");
  EXPECT_EQ(normalized("\r\nb\n"), " b\n");
  EXPECT_EQ(normalized("none of it? ..."), "none of it? ...");
}

TEST(Precompiled, GrowthIsBounded) {
  MapWriter map;
  map.add("a", std::string(100'000, 'x'));
  map.add("\u0301", std::string(100'000, 'y'));
  const auto tokenizer = Tokenizer::from_json(tokenizer_with(base64(map.bytes())).dump());
  ASSERT_TRUE(tokenizer);
  EXPECT_TRUE(tokenizer->encode("aaa", std::nullopt, {}));
  std::string marks = "b";  // one cluster
  for (int i = 0; i < 1000; ++i) marks += "\u0301";
  for (const std::string& text : {std::string(1000, 'a'), marks}) {
    const auto encoding = tokenizer->encode(text, std::nullopt, {});
    ASSERT_FALSE(encoding);
    EXPECT_EQ(encoding.error().code, ErrorCode::kLimitExceeded);
    EXPECT_THAT(encoding.error().message, HasSubstr("Precompiled"));
  }
}

// The shortest start of a cluster that the map has replaces the whole cluster, as the reference has it; a cluster of
// more than 5 bytes is seen character by character.
TEST(Precompiled, AStartOfAClusterReplacesItWhole) {
  EXPECT_EQ(normalized("a\u0300"), "A");
  EXPECT_EQ(normalized("a\u0300\u0300"), "A");
  EXPECT_EQ(normalized("a\u0300\u0300\u0300"), "A\u0300\u0300\u0300");
  EXPECT_EQ(normalized("e\u0301\u0300"), "é");
}

TEST(Precompiled, OffsetsAreOfTheOriginal) {
  const auto tokenizer = Tokenizer::from_json(tokenizer_with(base64(small_map())).dump());
  ASSERT_TRUE(tokenizer);
  const auto encoding = tokenizer->encode("ﬁ ½x e\u0301\u200b y", std::nullopt, {});
  ASSERT_TRUE(encoding);
  EXPECT_THAT(encoding->tokens, ElementsAre("fi", "1/2x", "é", "y"));
  EXPECT_THAT(encoding->offsets, ElementsAre(Offsets{0, 1}, Offsets{2, 4}, Offsets{5, 6}, Offsets{9, 10}));
}

TEST(PrecompiledErrors, TheMapIsNoBase64) {
  for (const Json& charsmap : {Json("???"), Json("AAA"), Json(7), Json(nullptr), Json("")}) {
    const auto tokenizer = Tokenizer::from_json(tokenizer_with(charsmap).dump());
    ASSERT_FALSE(tokenizer) << charsmap;
    EXPECT_EQ(tokenizer.error().code, ErrorCode::kMalformedConfig) << charsmap;
    EXPECT_THAT(tokenizer.error().message, HasSubstr("precompiled_charsmap"));
  }
}

TEST(PrecompiledErrors, TruncatedAnywhere) {
  const Bytes whole = small_map();
  const std::size_t trie_end = whole.size() - std::string_view("fi é A       1/2 ").size();
  for (std::size_t size = 0; size < trie_end; size += size < 8 ? 1 : 509)
    EXPECT_EQ(read_error(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))).code,
              ErrorCode::kMalformedConfig)
        << size;
  Bytes without_values = whole;
  without_values.resize(trie_end);
  EXPECT_EQ(read_error(without_values).code, ErrorCode::kMalformedConfig);
}

TEST(PrecompiledErrors, SizesThatLie) {
  for (const std::array<std::uint8_t, 4>& size :
       {std::array<std::uint8_t, 4>{0, 0, 0, 0}, {3, 0, 0, 0}, {12, 0, 0, 0}, {255, 255, 255, 255}, {0, 0, 0, 128}}) {
    Bytes bytes(12);
    std::ranges::copy(size, bytes.begin());
    EXPECT_EQ(read_error(bytes).code, ErrorCode::kMalformedConfig) << int{size[0]};
  }
}

TEST(PrecompiledErrors, ReplacementsThatAreNoUtf8) {
  EXPECT_EQ(read_error({4, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0}).code, ErrorCode::kMalformedConfig);
  // A value that starts inside a character.
  EXPECT_EQ(read_error({8, 0, 0, 0, 0, 5, 0, 0, 1, 0, 0, 0x80, 0xC3, 0xA9, 0}).code, ErrorCode::kMalformedConfig);
}

// Whatever the units say, a lookup ends after as many steps as the text has bytes, and inside the array.
TEST(PrecompiledHostile, UnitsThatLeadAnywhere) {
  std::uint32_t random = 1;
  std::size_t accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    Bytes bytes{64, 0, 0, 0};
    for (int i = 0; i < 16; ++i) {
      random = random * 1664525 + 1013904223;
      // Small offsets and labels, so that many lead inside and in circles; some values; now and then anything.
      const bool is_value = (random >> 24 & 1) != 0;
      std::uint32_t unit = (random >> 8 & 15) << 10 | (random >> 12 & 0xF) | (random >> 28 == 0 ? 0x100 : 0);
      if (is_value) unit = 1u << 31 | (random >> 8 & 3);
      if ((random >> 16 & 255) == 0) unit = random;
      for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<std::uint8_t>(unit >> shift));
    }
    bytes.insert(bytes.end(), {'x', 0, 'y', 0});
    const auto map = CharacterMap::read(bytes);
    if (!map) continue;
    ++accepted;
    for (const std::string text : {"\x01\x02\x03\x04\x05", "\x0F\x0F\x0F", "\x03\x0C\x05\x0A", "\xFF", ""}) {
      const auto found = map->replacement(text);
      EXPECT_TRUE(!found || found->size() <= 1);
    }
  }
  EXPECT_GT(accepted, 100u);
}

TEST(PrecompiledHostile, AMegabyteOfMarks) {
  std::string text = "a";
  while (text.size() < 1'000'000) text += "\u0301";
  EXPECT_EQ(normalized(text).size(), text.size());
  std::string spaces;
  while (spaces.size() < 1'000'000) spaces += "\u200b";
  EXPECT_EQ(normalized(spaces), "");
}

}  // namespace
}  // namespace ipfs_accelerate::input
