// Text from ids one at a time: what waits, what is passed over, what is left at the end, and streams that never end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "input/text/tokenizer.h"

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::json;
using testing::ElementsAre;
using Pieces = std::vector<std::optional<std::string>>;
using Ids = std::vector<std::int32_t>;

Tokenizer load(const Json& json) {
  auto tokenizer = Tokenizer::from_json(json.dump());
  EXPECT_TRUE(tokenizer) << tokenizer.error().message;
  return *std::move(tokenizer);
}

Tokenizer byte_level() {
  return load(Json::parse(R"({"decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true},
      "model": {"type": "BPE", "vocab": {"Ã": 0, "©": 1, "h": 2, "ÿ": 3}, "merges": []}})"));
}

// Ids 0 to 255 are bytes; then words.
Tokenizer byte_fallback() {
  Json vocab = Json::object();
  for (int byte = 0; byte < 256; ++byte) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    vocab[std::string("<0x") + kDigits[static_cast<std::size_t>(byte / 16)] +
          kDigits[static_cast<std::size_t>(byte % 16)] + ">"] = byte;
  }
  vocab["▁x"] = 256;
  vocab["▁"] = 257;
  vocab["y"] = 258;
  vocab["~"] = 259;
  Json json = Json::parse(R"({"added_tokens": [{"id": 260, "content": "<end>", "special": true}],
      "decoder": {"type": "Sequence", "decoders": [
        {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "Replace", "pattern": {"String": "~"}, "content": ""},
        {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}})");
  json["model"] = {{"type", "BPE"}, {"merges", Json::array()}, {"vocab", vocab}};
  return load(json);
}

Pieces stream(Tokenizer::DecodeStream& stream, const Ids& ids) {
  Pieces pieces;
  for (const std::int32_t id : ids) {
    auto piece = stream.step(id);
    EXPECT_TRUE(piece) << piece.error().message;
    pieces.push_back(piece ? *std::move(piece) : std::nullopt);
  }
  return pieces;
}

std::string joined(const Tokenizer& tokenizer, const Ids& ids) {
  Tokenizer::DecodeStream one(tokenizer, true);
  std::string text;
  for (const auto& piece : stream(one, ids)) text += piece.value_or("");
  return text + one.finish().value_or("error");
}

TEST(DecodeStream, HoldsBackUnfinishedCharacters) {
  const Tokenizer tokenizer = byte_level();
  Tokenizer::DecodeStream one(tokenizer, true);
  EXPECT_THAT(stream(one, {2, 0, 1}), ElementsAre("h", std::nullopt, "é"));
  EXPECT_EQ(*one.finish(), "");
}

TEST(DecodeStream, FinishGivesWhatIsLeft) {
  const Tokenizer tokenizer = byte_level();
  Tokenizer::DecodeStream one(tokenizer, true);
  EXPECT_THAT(stream(one, {2, 0}), ElementsAre("h", std::nullopt));
  EXPECT_EQ(*one.finish(), "\uFFFD");
  EXPECT_EQ(*one.finish(), "");
  EXPECT_THAT(stream(one, {2, 2}), ElementsAre("h", "h"));
}

TEST(DecodeStream, TheFirstSpaceGoesAndNoOther) {
  const Tokenizer tokenizer = byte_fallback();
  Tokenizer::DecodeStream one(tokenizer, true);
  EXPECT_THAT(stream(one, {256, 256, 257, 258}), ElementsAre("x", " x", " ", "y"));
  Tokenizer::DecodeStream two(tokenizer, true);
  EXPECT_THAT(stream(two, {257, 256, 258}), ElementsAre(std::nullopt, " x", "y"));
}

TEST(DecodeStream, WhatIsSkippedOrUnknownAddsNothing) {
  const Tokenizer tokenizer = byte_fallback();
  Tokenizer::DecodeStream one(tokenizer, true);
  EXPECT_THAT(stream(one, {260, 0xC3, 260, 0xA9, -1, 9999, 258}),
              ElementsAre(std::nullopt, std::nullopt, std::nullopt, "é", std::nullopt, std::nullopt, "y"));
  Tokenizer::DecodeStream two(tokenizer, false);
  EXPECT_THAT(stream(two, {258, 260}), ElementsAre("y", "<end>"));
}

// "é" is out when the byte after it makes the whole run ill-formed: the new token's own text is added, nothing fails.
TEST(DecodeStream, TextThatWasGivenOutAlreadyStays) {
  const Tokenizer tokenizer = byte_fallback();
  Tokenizer::DecodeStream one(tokenizer, true);
  EXPECT_THAT(stream(one, {0xC3, 0xA9, 0xFF, 258}), ElementsAre(std::nullopt, "é", std::nullopt, "\uFFFDy"));
}

TEST(DecodeStream, BytesThatFormNoCharacterDoNotWaitForEver) {
  const Tokenizer tokenizer = byte_level();
  EXPECT_EQ(joined(tokenizer, Ids(20, 3)), *tokenizer.decode(Ids(20, 3), true));
  EXPECT_EQ(joined(tokenizer, Ids(1000, 3)), *tokenizer.decode(Ids(1000, 3), true));
  Ids ids(1000, 3);
  ids.insert(ids.end(), {0, 1, 2});
  EXPECT_EQ(joined(tokenizer, ids), *tokenizer.decode(ids, true));
}

// With all ids decoded at each step these would take hours.
TEST(DecodeStream, LongStreamsOfNothing) {
  const Tokenizer tokenizer = byte_fallback();
  EXPECT_EQ(joined(tokenizer, Ids(60'000, 260)), "");
  EXPECT_EQ(joined(tokenizer, Ids(60'000, 259)), "");
  Ids ids(60'000, 259);
  ids.front() = 256;
  ids.back() = 258;
  EXPECT_EQ(joined(tokenizer, ids), "xy");
  EXPECT_EQ(joined(tokenizer, Ids(60'000, 0xFF)).size(), 180'000u);
  EXPECT_EQ(joined(tokenizer, Ids(60'000, 257)), std::string(59'999, ' '));
}

}  // namespace
}  // namespace ipfs_accelerate
