// Unigram: the best cut, ties, unknown text, bytes; and hostile vocabularies and texts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "input/text/token_model.h"
#include "input/text/tokenizer.h"

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using Ids = std::vector<std::int32_t>;
using Vocab = std::vector<std::pair<std::string, double>>;

Json unigram(const Vocab& vocab, Json unk_id = 0) {
  return {{"model", {{"type", "Unigram"}, {"unk_id", std::move(unk_id)}, {"vocab", vocab}}}};
}

Json with_bytes(Vocab vocab) {
  for (const char* byte : {"<0x78>", "<0x79>", "<0xC3>", "<0xA9>"}) vocab.emplace_back(byte, -3);
  Json json = unigram(vocab);
  json["model"]["byte_fallback"] = true;
  return json;
}

Result<Encoding> encode(const Json& json, std::string_view text) {
  const auto tokenizer = Tokenizer::from_json(json.dump());
  if (!tokenizer) return std::unexpected(tokenizer.error());
  return tokenizer->encode(text, std::nullopt, {});
}

Ids ids(const Json& json, std::string_view text) {
  const auto encoding = encode(json, text);
  EXPECT_TRUE(encoding) << encoding.error().message;
  return encoding ? encoding->ids : Ids();
}

Error error_of(const std::string& json) {
  const auto tokenizer = Tokenizer::from_json(json);
  return tokenizer ? Error{ErrorCode::kInternal, "loaded"} : tokenizer.error();
}

Error error_with(const char* where, const Json& value) {
  Json json = unigram({{"<unk>", 0}, {"a", -1}});
  json[Json::json_pointer(where)] = value;
  return error_of(json.dump());
}

TEST(Unigram, TheSumDecidesNotTheLongestToken) {
  const Vocab vocab = {{"<unk>", 0}, {"a", -1}, {"b", -1}, {"ab", -3}, {"c", -5}, {"bc", -1}, {"abc", -2.5}};
  EXPECT_EQ(ids(unigram(vocab), "ab"), (Ids{1, 2}));   // -2 beats -3
  EXPECT_EQ(ids(unigram(vocab), "abc"), (Ids{1, 5}));  // -2 beats -2.5 and -7
}

TEST(Unigram, OfEqualWaysTheLongerLastTokenStays) {
  const Vocab vocab = {{"<unk>", 0}, {"a", -1}, {"aa", -2}, {"aaa", -3}};
  EXPECT_EQ(ids(unigram(vocab), "aaa"), (Ids{3}));
  EXPECT_EQ(ids(unigram(vocab), "aaaa"), (Ids{1, 3}));
}

TEST(Unigram, UnknownCharactersSideBySideAreOneToken) {
  const auto encoding = encode(unigram({{"<unk>", 0}, {"a", -1}}), "xéa<unk>y");
  ASSERT_TRUE(encoding);
  EXPECT_EQ(encoding->ids, (Ids{0, 1, 0}));
  EXPECT_THAT(encoding->tokens, ElementsAre("xé", "a", "<unk>y"));
  EXPECT_THAT(encoding->offsets, ElementsAre(Offsets{0, 2}, Offsets{2, 3}, Offsets{3, 9}));
}

// Ten below the least likely token, for each character: two tokens of -30 are worse than one unknown character.
TEST(Unigram, UnknownCharactersHaveAPrice) {
  const Vocab vocab = {{"<unk>", 0}, {"xa", -9}, {"a", -1}, {"ya", -12.5}};
  EXPECT_EQ(ids(unigram(vocab), "xa"), (Ids{1}));
  EXPECT_EQ(ids(unigram(vocab), "ya"), (Ids{3}));
  EXPECT_EQ(ids(unigram({{"<unk>", 100}, {"a", 100}, {"xa", 80}, {"b", 95}}), "xa"), (Ids{0, 1}));
}

TEST(Unigram, UnknownTextThatIsATokenAfterAllIsThatToken) {
  EXPECT_EQ(ids(unigram({{"<unk>", 50}, {"a", 50}, {"xy", 30}}), "xya"), (Ids{2, 1}));
}

TEST(Unigram, BytesStandForUnknownTextWhenAllAreThere) {
  const auto encoding = encode(with_bytes({{"<unk>", 0}, {"a", -1}}), "xéaz");
  ASSERT_TRUE(encoding);
  EXPECT_EQ(encoding->ids, (Ids{2, 4, 5, 1, 0}));
  EXPECT_THAT(encoding->tokens, ElementsAre("<0x78>", "<0xC3>", "<0xA9>", "a", "z"));
  EXPECT_THAT(encoding->offsets,
              ElementsAre(Offsets{0, 2}, Offsets{0, 2}, Offsets{0, 2}, Offsets{2, 3}, Offsets{3, 4}));
}

TEST(Unigram, ATextThatStandsTwiceHasTheLaterId) {
  EXPECT_EQ(ids(unigram({{"<unk>", 0}, {"ab", -1}, {"a", -1}, {"b", -1}, {"ab", -9}}), "ab"), (Ids{2, 3}));
  EXPECT_EQ(ids(unigram({{"<unk>", 0}, {"ab", -9}, {"a", -1}, {"b", -1}, {"ab", -1}}), "ab"), (Ids{4}));
}

TEST(Unigram, WithoutAnUnknownTokenUnknownTextIsAnError) {
  const Json json = unigram({{"a", -1}, {"b", -1}}, nullptr);
  EXPECT_EQ(ids(json, "ab"), (Ids{0, 1}));
  const auto encoding = encode(json, "abé");
  ASSERT_FALSE(encoding);
  EXPECT_EQ(encoding.error().code, ErrorCode::kMalformedConfig);
  EXPECT_THAT(encoding.error().message, HasSubstr("unk_id"));
}

TEST(Unigram, OldFilesHaveNoType) {
  Json json = unigram({{"<unk>", 0}, {"a", -1}});
  json["model"].erase("type");
  EXPECT_EQ(ids(json, "a"), (Ids{1}));
}

TEST(Unigram, AnEmptyTokenIsNeverUsed) {
  EXPECT_EQ(ids(unigram({{"<unk>", 0}, {"", 9}, {"a", -1}}), "aa"), (Ids{2, 2}));
}

TEST(UnigramErrors, Vocabulary) {
  EXPECT_EQ(error_with("/model/vocab", Json::array()).code, ErrorCode::kMissingTokenizer);
  EXPECT_EQ(error_with("/model/vocab", nullptr).code, ErrorCode::kMissingTokenizer);
  for (const char* vocab : {"{}", "[1]", "[[]]", R"([["a"]])", R"([["a", "b"]])", R"([["a", null]])", R"([[1, 1]])",
                            R"([["a", 1, 2]])", R"({"a": 1})", "\"a\""}) {
    EXPECT_EQ(error_with("/model/vocab", Json::parse(vocab)).code, ErrorCode::kMalformedConfig) << vocab;
  }
  EXPECT_THAT(error_with("/model/vocab/1", "x").message, HasSubstr("vocab[1]"));
}

TEST(UnigramErrors, UnknownIdOutsideTheVocabulary) {
  for (const Json& id : {Json(2), Json(-1), Json(2147483648), Json(1.5), Json("0")})
    EXPECT_EQ(error_with("/model/unk_id", id).code, ErrorCode::kMalformedConfig) << id;
  EXPECT_THAT(error_with("/model/unk_id", 7).message, HasSubstr("7"));
}

TEST(UnigramErrors, ScoresThatAreNoNumbers) {
  for (const char* score : {"NaN", "Infinity", "-Infinity", "1e999", "-1e999", "\"nan\"", "null", "true"}) {
    const std::string json =
        std::string(R"({"model": {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0], ["a", )") + score + "]]}}";
    EXPECT_EQ(error_of(json).code, ErrorCode::kMalformedConfig) << score;
  }
}

// Sums of such scores are infinite, and equal: the text is still cut, once through.
TEST(Unigram, ScoresAtTheEdgeOfWhatNumbersHold) {
  for (const double score : {-1.7e308, 1.7e308}) {
    const auto encoding =
        encode(unigram({{"<unk>", score}, {"a", score}, {"aa", -score}}), std::string(100, 'a') + "x");
    ASSERT_TRUE(encoding);
    EXPECT_EQ(encoding->offsets.back().second, 101);
  }
}

TEST(UnigramHostile, AMegabyteOfOneCharacter) {
  Vocab vocab = {{"<unk>", 0}};
  for (int size = 1; size <= 64; ++size) vocab.emplace_back(std::string(static_cast<std::size_t>(size), 'a'), -size);
  const auto encoding = encode(unigram(vocab), std::string(1 << 20, 'a'));
  ASSERT_TRUE(encoding);
  EXPECT_EQ(encoding->ids.size(), (1u << 20) / 64);
  EXPECT_EQ(encode(unigram(vocab), std::string(1 << 20, 'x'))->ids, (Ids{0}));
}

TEST(UnigramHostile, TenMegabytesOfText) {
  Json json = with_bytes({{"<unk>", 0}, {"▁", -1}, {"▁ab", -2}, {"a", -3}, {"b", -3}, {"c", -1}});
  json["pre_tokenizer"] = {{"type", "Metaspace"}, {"replacement", "▁"}, {"prepend_scheme", "always"}, {"split", false}};
  const std::string_view words = "abc ab\xC3\xA9 x ";
  std::string text;
  while (text.size() < 10'000'000) text += words;
  const auto encoding = encode(json, text);
  ASSERT_TRUE(encoding);
  EXPECT_EQ(encoding->ids.size(), text.size() / words.size() * 7 + 1);
}

TEST(UnigramHostile, MemoryOfALongPieceIsGivenBack) {
  input::ModelScratch scratch;
  scratch.arrivals.resize(10'000'000);
  scratch.scores.resize(1000);
  scratch.trim();
  EXPECT_EQ(scratch.arrivals.capacity(), 0u);
  EXPECT_EQ(scratch.scores.size(), 1000u);
}

TEST(UnigramHostile, ATokenOfHundredKilobytes) {
  const Json json = unigram({{"<unk>", 0}, {"a", -1}, {std::string(100'000, 'a'), -1}});
  EXPECT_EQ(ids(json, "aaa"), (Ids{1, 1, 1}));
  EXPECT_EQ(ids(json, std::string(1'000'000, 'a')), Ids(10, 2));
}

// All lengths of one character fit everywhere in a text of nothing else: refused, not computed for hours.
TEST(UnigramHostile, TokensThatFitEverywhere) {
  Vocab vocab = {{"<unk>", 0}};
  for (std::size_t size = 1; size <= 1500; ++size) vocab.emplace_back(std::string(size, 'a'), -1);
  EXPECT_EQ(ids(unigram(vocab), std::string(300, 'a')), (Ids{300}));
  const auto encoding = encode(unigram(vocab), std::string(1'000'000, 'a'));
  ASSERT_FALSE(encoding);
  EXPECT_EQ(encoding.error().code, ErrorCode::kLimitExceeded);
}

}  // namespace
}  // namespace ipfs_accelerate
