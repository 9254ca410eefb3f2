// Tokenizers made of small JSON: results, and errors for what is missing, unknown or hostile.
#include "input/text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::json;
using testing::ElementsAre;
using Ids = std::vector<std::int32_t>;

Json bert() {
  return Json::parse(R"({
    "version": "1.0",
    "added_tokens": [{"id": 0, "content": "[PAD]", "special": true}, {"id": 2, "content": "[CLS]", "special": true},
                     {"id": 3, "content": "[SEP]", "special": true}, {"id": 9, "content": "<new>", "lstrip": true}],
    "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "lowercase": true},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
    "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 20,
              "vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "cafe": 4, "##s": 5, ",": 6, "un": 7, "##cafe": 8}}})");
}

Json bpe() {
  return Json::parse(R"({
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "c": 2, "ab": 3, "bc": 4, "abc": 5, "<unk>": 6}, "unk_token": "<unk>",
              "merges": ["b c", ["a", "b"], "a bc"]}})");
}

Tokenizer load(const Json& json) {
  auto tokenizer = Tokenizer::from_json(json.dump());
  EXPECT_TRUE(tokenizer) << tokenizer.error().message;
  return *std::move(tokenizer);
}

Encoding encode(const Tokenizer& tokenizer, std::string_view text, const EncodeOptions& options = {}) {
  auto encoding = tokenizer.encode(text, std::nullopt, options);
  EXPECT_TRUE(encoding) << encoding.error().message;
  return *std::move(encoding);
}

Error load_error(const std::string& json) {
  const auto tokenizer = Tokenizer::from_json(json);
  return tokenizer ? Error{ErrorCode::kInternal, "loaded"} : tokenizer.error();
}

// Loads `json` with the value at a JSON pointer replaced.
Error error_with(Json json, const char* where, const Json& value) {
  json[Json::json_pointer(where)] = value;
  return load_error(json.dump());
}

TEST(Tokenizer, WordPieceWithOffsetsOfTheOriginal) {
  const Encoding encoding = encode(load(bert()), "Un\u0063afés, CAFE\u0301");
  EXPECT_EQ(encoding.ids, (Ids{2, 7, 8, 5, 6, 4, 3}));
  EXPECT_THAT(encoding.offsets, ElementsAre(Offsets{0, 0}, Offsets{0, 2}, Offsets{2, 6}, Offsets{6, 7}, Offsets{7, 8},
                                            Offsets{9, 13}, Offsets{0, 0}));
  EXPECT_EQ(encoding.special_tokens_mask, (Ids{1, 0, 0, 0, 0, 0, 1}));
  EXPECT_EQ(encoding.word_ids[2], 0);
  EXPECT_EQ(encoding.word_ids[0], std::nullopt);
}

TEST(Tokenizer, UnknownAndOverlongWords) {
  const Tokenizer tokenizer = load(bert());
  EXPECT_EQ(encode(tokenizer, "cafex").ids, (Ids{2, 1, 3}));
  EXPECT_EQ(encode(tokenizer, "cafesssssssssssssssss").ids, (Ids{2, 1, 3}));  // 21 characters
}

TEST(Tokenizer, AddedTokenTakesTheSpaceBeforeIt) {
  const Encoding encoding = encode(load(bert()), "cafe  <new>cafe");
  EXPECT_EQ(encoding.ids, (Ids{2, 4, 9, 4, 3}));
  EXPECT_EQ(encoding.tokens[2], "  <new>");
  EXPECT_EQ(encoding.offsets[2], (Offsets{4, 11}));
}

TEST(Tokenizer, InvalidUtf8IsRepaired) { EXPECT_EQ(encode(load(bert()), "cafe \xFF,").ids, (Ids{2, 4, 6, 3})); }

TEST(Tokenizer, BpeMergesTheEarliestRuleFirst) {
  const Tokenizer tokenizer = load(bpe());
  EXPECT_EQ(encode(tokenizer, "abc").ids, (Ids{5}));
  EXPECT_EQ(encode(tokenizer, "ab").ids, (Ids{3}));
  EXPECT_EQ(encode(tokenizer, "abxyc").ids, (Ids{3, 6, 6, 2}));
}

TEST(Tokenizer, PairsTruncationAndPadding) {
  const Tokenizer tokenizer = load(bert());
  EncodeOptions options;
  options.truncation = Truncation{.max_length = 6};
  options.padding.emplace().length = 8;
  const auto encoding = tokenizer.encode("cafe cafe cafe", ", , ,", options);
  ASSERT_TRUE(encoding);
  EXPECT_EQ(encoding->ids, (Ids{2, 4, 3, 6, 6, 3, 0, 0}));
  EXPECT_EQ(encoding->type_ids, (Ids{0, 0, 0, 1, 1, 1, 0, 0}));
  EXPECT_EQ(encoding->attention_mask, (Ids{1, 1, 1, 1, 1, 1, 0, 0}));
  EXPECT_FALSE(encoding->overflowing.empty());
  EXPECT_EQ(encoding->overflowing[0].ids.size(), 8u);
}

TEST(Tokenizer, TruncationThatCannotWorkIsRefused) {
  const Tokenizer tokenizer = load(bert());
  const auto code = [&](Truncation truncation) {
    const auto encoding = tokenizer.encode("cafe cafe cafe cafe", std::nullopt, {true, truncation, std::nullopt});
    return encoding ? ErrorCode::kInternal : encoding.error().code;
  };
  EXPECT_EQ(code({.max_length = 1}), ErrorCode::kInvalidArgument);               // 2 special tokens
  EXPECT_EQ(code({.max_length = 4, .stride = 2}), ErrorCode::kInvalidArgument);  // windows would not move
  EXPECT_EQ(code({.max_length = 4, .strategy = TruncationStrategy::kOnlySecond}),
            ErrorCode::kInvalidArgument);  // no pair
  EXPECT_EQ(code({.max_length = -1}), ErrorCode::kInvalidArgument);
}

TEST(Tokenizer, TokensAndIds) {
  const Tokenizer tokenizer = load(bert());
  EXPECT_EQ(tokenizer.vocabulary_size(), 10u);
  EXPECT_EQ(tokenizer.token_id("<new>"), 9);
  EXPECT_EQ(tokenizer.token_id("none"), std::nullopt);
  EXPECT_EQ(tokenizer.token(8), "##cafe");
  EXPECT_EQ(tokenizer.token(10), std::nullopt);
  EXPECT_EQ(tokenizer.token(-1), std::nullopt);
  EXPECT_EQ(*tokenizer.decode({2, 7, 8, 6, 4, 3, 12345, -7}, true), "uncafe, cafe");
}

TEST(Tokenizer, FileOptionsAreRead) {
  Json json = bert();
  json["truncation"] = {{"max_length", 128}, {"stride", 1}, {"strategy", "OnlyFirst"}, {"direction", "Left"}};
  json["padding"] = {{"strategy", {{"Fixed", 64}}},
                     {"direction", "Right"},
                     {"pad_to_multiple_of", nullptr},
                     {"pad_id", 0},
                     {"pad_type_id", 0},
                     {"pad_token", "[PAD]"}};
  const Tokenizer tokenizer = load(json);
  ASSERT_TRUE(tokenizer.truncation() && tokenizer.padding());
  EXPECT_EQ(tokenizer.truncation()->max_length, 128);
  EXPECT_TRUE(tokenizer.truncation()->left);
  EXPECT_EQ(tokenizer.padding()->length, 64);
}

TEST(TokenizerErrors, NoVocabulary) {
  EXPECT_EQ(load_error("{}").code, ErrorCode::kMissingTokenizer);
  EXPECT_EQ(error_with(bert(), "/model/vocab", Json::object()).code, ErrorCode::kMissingTokenizer);
  EXPECT_EQ(error_with(bert(), "/model/vocab", nullptr).code, ErrorCode::kMissingTokenizer);
}

TEST(TokenizerErrors, UnknownComponentsAreNamed) {
  const auto named = [](const Error& error, std::string_view name) {
    return error.code == ErrorCode::kUnsupportedTokenizer && error.message.find(name) != std::string::npos;
  };
  EXPECT_TRUE(named(error_with(bert(), "/model/type", "WordLevel"), "WordLevel"));
  EXPECT_TRUE(named(error_with(bert(), "/normalizer/type", "Nmt"), "Nmt"));
  EXPECT_TRUE(named(error_with(bert(), "/pre_tokenizer/type", "UnicodeScripts"), "UnicodeScripts"));
  EXPECT_TRUE(named(error_with(bert(), "/post_processor/type", "Other"), "Other"));
  EXPECT_TRUE(named(error_with(bert(), "/decoder/type", "CTC"), "CTC"));
  EXPECT_TRUE(named(error_with(bert(), "/version", "2.0"), "2.0"));
  EXPECT_TRUE(named(error_with(bpe(), "/model/dropout", 0.1), "dropout"));
}

TEST(TokenizerErrors, WrongTypes) {
  for (const char* json :
       {"", "[]", "null", "7", "{\"model\": 1}", "{\"model\": {\"type\": \"BPE\", \"vocab\": []}}", "{"}) {
    EXPECT_EQ(load_error(json).code, ErrorCode::kMalformedConfig) << json;
  }
  EXPECT_EQ(error_with(bert(), "/model/vocab/cafe", "x").code, ErrorCode::kMalformedConfig);
  EXPECT_EQ(error_with(bert(), "/model/vocab/cafe", -1).code, ErrorCode::kMalformedConfig);
  EXPECT_EQ(error_with(bert(), "/model/vocab/cafe", 2147483647).code, ErrorCode::kMalformedConfig);
  EXPECT_EQ(error_with(bert(), "/model/vocab/cafe", 1e30).code, ErrorCode::kMalformedConfig);
  EXPECT_EQ(error_with(bert(), "/added_tokens", 3).code, ErrorCode::kMalformedConfig);
  EXPECT_EQ(error_with(bert(), "/added_tokens/0", 3).code, ErrorCode::kMalformedConfig);
  EXPECT_EQ(error_with(bert(), "/added_tokens/0/id", 1e30).code, ErrorCode::kMalformedConfig);
  EXPECT_EQ(error_with(bert(), "/post_processor/sep", Json::array({"x"})).code, ErrorCode::kMalformedConfig);
  EXPECT_EQ(error_with(bpe(), "/model/merges/0", "a").code, ErrorCode::kMalformedConfig);
  EXPECT_EQ(error_with(bpe(), "/model/merges/0", "a z").code, ErrorCode::kMalformedConfig);
  EXPECT_EQ(error_with(bpe(), "/model/merges/0", Json::array({"a", 3})).code, ErrorCode::kMalformedConfig);
}

TEST(TokenizerErrors, ComponentsNestedTooDeep) {
  Json normalizer = {{"type", "Lowercase"}};
  for (int i = 0; i < 100; ++i) normalizer = {{"type", "Sequence"}, {"normalizers", Json::array({normalizer})}};
  EXPECT_EQ(error_with(bert(), "/normalizer", normalizer).code, ErrorCode::kUnsupportedTokenizer);
}

// "aa" merges with itself: growth without end if rules were applied more than once to the same bytes.
TEST(Tokenizer, CyclicMergesEnd) {
  const Tokenizer tokenizer = load(
      Json::parse(R"({"model": {"type": "BPE", "vocab": {"a": 0, "aa": 1, "aaaa": 2}, "merges": ["a a", "aa aa"]}})"));
  EXPECT_EQ(encode(tokenizer, std::string(4097, 'a')).ids.size(), 1025u);
}

TEST(Tokenizer, UnknownTokenOutsideTheVocabularyIsAnError) {
  Json json = bert();
  json["model"]["unk_token"] = "<nothing>";
  const Tokenizer tokenizer = load(json);
  const auto encoding = tokenizer.encode("xyz", std::nullopt, {});
  ASSERT_FALSE(encoding);
  EXPECT_EQ(encoding.error().code, ErrorCode::kMalformedConfig);
}

}  // namespace
}  // namespace ipfs_accelerate
