// Metaspace in all its options, as pre-tokenizer and as decoder; what is wanted is what tokenizers 0.23 gives.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "input/text/tokenizer.h"

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::json;
using Texts = std::vector<std::string>;

Json metaspace(const char* scheme, bool split) {
  return {{"type", "Metaspace"}, {"replacement", "_"}, {"prepend_scheme", scheme}, {"split", split}};
}

// Every piece is one unknown token, so tokens show the pieces.
Json file(const Json& meta) {
  Json json = Json::parse(R"({"added_tokens": [{"id": 4, "content": "<x>", "special": true, "normalized": false}],
      "normalizer": {"type": "Strip", "strip_left": true, "strip_right": false},
      "model": {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0]]}})");
  json["pre_tokenizer"] = meta;
  return json;
}

Texts pieces(const char* scheme, bool split, std::string_view text) {
  const auto tokenizer = Tokenizer::from_json(file(metaspace(scheme, split)).dump());
  EXPECT_TRUE(tokenizer) << tokenizer.error().message;
  return tokenizer ? tokenizer->encode(text, std::nullopt, {})->tokens : Texts();
}

std::string decoded(const char* scheme, const std::vector<std::int32_t>& ids) {
  const Json vocab = Json::parse(R"([["<unk>", 0], ["_a", -1], ["_", -1], ["b_c", -1]])");
  const Json json = {{"decoder", metaspace(scheme, true)},
                     {"model", {{"type", "Unigram"}, {"unk_id", 0}, {"vocab", vocab}}}};
  const auto tokenizer = Tokenizer::from_json(json.dump());
  EXPECT_TRUE(tokenizer) << tokenizer.error().message;
  return tokenizer ? tokenizer->decode(ids, false).value() : "";
}

TEST(Metaspace, Always) {
  EXPECT_EQ(pieces("always", true, "a b"), (Texts{"_a", "_b"}));
  EXPECT_EQ(pieces("always", true, "  a _b  c"), (Texts{"_a", "_", "_b", "_", "_c"}));
  EXPECT_EQ(pieces("always", true, "<x>a<x> b"), (Texts{"<x>", "_a", "<x>", "_b"}));
  EXPECT_EQ(pieces("always", true, "_a"), (Texts{"_a"}));
  EXPECT_EQ(pieces("always", false, "a b"), (Texts{"_a_b"}));
  EXPECT_EQ(pieces("always", false, "<x>a<x> b"), (Texts{"<x>", "_a", "<x>", "_b"}));
}

// Only where the text begins: not after an added token, and not after white space that was taken away.
TEST(Metaspace, First) {
  EXPECT_EQ(pieces("first", true, "a b"), (Texts{"_a", "_b"}));
  EXPECT_EQ(pieces("first", true, "  a _b  c"), (Texts{"a", "_", "_b", "_", "_c"}));
  EXPECT_EQ(pieces("first", true, "<x>a<x> b"), (Texts{"<x>", "a", "<x>", "b"}));
  EXPECT_EQ(pieces("first", false, "a b"), (Texts{"_a_b"}));
  EXPECT_EQ(pieces("first", false, "_a"), (Texts{"_a"}));
}

TEST(Metaspace, Never) {
  EXPECT_EQ(pieces("never", true, "a b"), (Texts{"a", "_b"}));
  EXPECT_EQ(pieces("never", false, "  a _b  c"), (Texts{"a__b__c"}));
  EXPECT_EQ(pieces("never", true, "<x>a<x> b"), (Texts{"<x>", "a", "<x>", "b"}));
}

TEST(Metaspace, Decoding) {
  for (const char* scheme : {"always", "first"}) {
    EXPECT_EQ(decoded(scheme, {1, 3, 1}), "ab c a");
    EXPECT_EQ(decoded(scheme, {2, 1}), " a");
    EXPECT_EQ(decoded(scheme, {3, 2}), "bc ");
  }
  EXPECT_EQ(decoded("never", {1, 3, 1}), " ab c a");
  EXPECT_EQ(decoded("never", {2, 1}), "  a");
}

TEST(Metaspace, OptionsThatCannotBe) {
  const auto code = [](const char* part, const char* key, const Json& value) {
    Json json = file(metaspace("always", true));
    json["decoder"] = metaspace("always", true);
    json[part][key] = value;
    const auto tokenizer = Tokenizer::from_json(json.dump());
    return tokenizer ? ErrorCode::kInternal : tokenizer.error().code;
  };
  for (const char* part : {"pre_tokenizer", "decoder"}) {
    EXPECT_EQ(code(part, "prepend_scheme", "sometimes"), ErrorCode::kUnsupportedTokenizer) << part;
    EXPECT_EQ(code(part, "prepend_scheme", 1), ErrorCode::kMalformedConfig) << part;
    EXPECT_EQ(code(part, "replacement", "__"), ErrorCode::kMalformedConfig) << part;
    EXPECT_EQ(code(part, "replacement", ""), ErrorCode::kMalformedConfig) << part;
  }
  EXPECT_EQ(code("pre_tokenizer", "add_prefix_space", false), ErrorCode::kMalformedConfig);
  EXPECT_EQ(code("pre_tokenizer", "split", "yes"), ErrorCode::kMalformedConfig);
}

}  // namespace
}  // namespace ipfs_accelerate
