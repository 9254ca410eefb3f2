// Steps of tokenizer.json that make a text longer are bounded, each by its name; a stop ends work within one text.
#include "input/text/text_bounds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "input/text/normalizer.h"
#include "input/text/pre_tokenizer.h"
#include "input/text/token_model.h"
#include "input/text/tokenizer.h"

namespace ipfs_accelerate::input {
namespace {

using nlohmann::json;
using testing::HasSubstr;

json tokenizer_with(const char* part, const json& value) {
  json file = json::parse(R"({"model": {"type": "BPE", "unk_token": "?", "vocab": {"?": 0, "a": 1}, "merges": []}})");
  file[part] = value;
  return file;
}

json repeated(std::size_t times, const json& step) { return json(std::vector<json>(times, step)); }
json normalizers(const json& steps) { return {{"type", "Sequence"}, {"normalizers", steps}}; }
json pre_tokenizers(const json& steps) { return {{"type", "Sequence"}, {"pretokenizers", steps}}; }

// The limit, by the name of the step that goes beyond.
void expect_limit(const json& file, const std::string& text, const char* step) {
  const auto tokenizer = Tokenizer::from_json(file.dump());
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  const auto encoding = tokenizer->encode(text, std::nullopt, {});
  ASSERT_FALSE(encoding) << step;
  EXPECT_EQ(encoding.error().code, ErrorCode::kLimitExceeded) << encoding.error().message;
  EXPECT_THAT(encoding.error().message, HasSubstr(step));
}

TEST(TextBounds, NormalizersThatGrow) {
  const json tenfold = {{"type", "Replace"}, {"pattern", {{"Regex", "."}}}, {"content", "aaaaaaaaaa"}};
  expect_limit(tokenizer_with("normalizer", normalizers(repeated(12, tenfold))), "42 = forty", "Replace");
  const json prefix = {{"type", "Prepend"}, {"prepend", std::string(2'000'000, 'a')}};
  expect_limit(tokenizer_with("normalizer", prefix), "a", "Prepend");
  expect_limit(tokenizer_with("normalizer", normalizers(repeated(30, {{"type", "ByteLevel"}}))), "\xC3\xA9",
               "ByteLevel");
  std::string chinese;
  for (int i = 0; i < 10'000; ++i) chinese += "\u4E00";
  const json spaced = {
      {"type", "BertNormalizer"}, {"clean_text", false}, {"strip_accents", false}, {"lowercase", false}};
  expect_limit(tokenizer_with("normalizer", normalizers(repeated(90, spaced))), chinese, "BertNormalizer");
}

// Each part between two added tokens is normalized by itself; together they are one text.
TEST(TextBounds, PartsOfATextAreOneText) {
  json file = tokenizer_with("normalizer", {{"type", "Prepend"}, {"prepend", std::string(400'000, 'a')}});
  file["added_tokens"] = json::parse(R"([{"id": 0, "content": "?", "normalized": false}])");
  EXPECT_TRUE(Tokenizer::from_json(file.dump())->encode("a?a", std::nullopt, {}));
  expect_limit(file, "a?a?a?a", "Prepend");
}

TEST(TextBounds, PreTokenizersThatGrow) {
  const json bytes = {{"type", "ByteLevel"}, {"use_regex", false}, {"add_prefix_space", false}, {"trim_offsets", true}};
  expect_limit(tokenizer_with("pre_tokenizer", pre_tokenizers(repeated(30, bytes))), "\xC3\xA9", "ByteLevel");
  json marks =
      json::array({{{"type", "Split"}, {"pattern", {{"Regex", "."}}}, {"behavior", "Isolated"}, {"invert", false}}});
  for (int i = 0; i < 20; ++i)
    marks.push_back({{"type", "Metaspace"}, {"replacement", i % 2 ? "\u2581" : "\u2582"}, {"split", false}});
  expect_limit(tokenizer_with("pre_tokenizer", pre_tokenizers(marks)), std::string(65'536, 'a'), "Metaspace");
}

TEST(TextBounds, TemplatesDecodersAndAddedTokensThatGrow) {
  const json sequence = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  const json both = {
      {"type", "TemplateProcessing"}, {"single", repeated(500, sequence)}, {"pair", repeated(2, sequence)}};
  expect_limit(tokenizer_with("post_processor", both), std::string(5000, 'a'), "TemplateProcessing");

  const json tenfold = {{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", "aaaaaaaaaa"}};
  const json decoder = {{"type", "Sequence"}, {"decoders", repeated(12, tenfold)}};
  const auto text = Tokenizer::from_json(tokenizer_with("decoder", decoder).dump())->decode({1}, false);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, ErrorCode::kLimitExceeded);

  json file = tokenizer_with("normalizer", {{"type", "Prepend"}, {"prepend", std::string(10'000, 'a')}});
  file["added_tokens"] = json::parse(R"([{"id": 0, "content": "?", "normalized": true}])");
  const auto tokenizer = Tokenizer::from_json(file.dump());
  ASSERT_FALSE(tokenizer);
  EXPECT_EQ(tokenizer.error().code, ErrorCode::kLimitExceeded);
}

TEST(TextBounds, GrowthAsPublishedTokenizersHaveIt) {
  const auto tokenizer = Tokenizer::from_json(tokenizer_with("normalizer", {{"type", "NFKC"}}).dump());
  std::string text;
  for (int i = 0; i < 60'000; ++i) text += "\uFDFA";  // 3 bytes become 33
  const auto encoding = tokenizer->encode(text, std::nullopt, {});
  EXPECT_TRUE(encoding) << encoding.error().message;
}

TEST(TextBounds, ATextHasALimitOfItsOwn) {
  const auto tokenizer = Tokenizer::from_json(tokenizer_with("normalizer", nullptr).dump());
  const auto encoding = tokenizer->encode(std::string(kMaxTextBytes + 1, 'a'), std::nullopt, {});
  ASSERT_FALSE(encoding);
  EXPECT_EQ(encoding.error().code, ErrorCode::kInputTooLong);
}

// Each step by itself, as an earlier one would see the stop first.
TEST(TextBounds, AStopEndsEachStep) {
  Stop stop;
  stop.request();
  const TextBounds stopped(kMaxTextBytes, stop);
  std::string long_text;
  for (int i = 0; i < 5000; ++i) long_text += "E\u0301";
  for (const char* const type : {"BertNormalizer", "Lowercase", "StripAccents", "NFC", "NFKD", "Strip", "ByteLevel"}) {
    json step = {{"type", type}};
    if (std::string_view(type) == "Strip") step.update({{"strip_left", true}, {"strip_right", true}});
    const auto normalizer = make_normalizer(step);
    ASSERT_TRUE(normalizer) << normalizer.error().message;
    AlignedText text = AlignedText::identity(long_text);
    const auto done = (*normalizer)->run(text, 0, stopped);
    EXPECT_TRUE(!done && done.error().code == ErrorCode::kCancelled) << type;
  }
  for (const char* const step :
       {R"({"type": "BertPreTokenizer"})", R"({"type": "Metaspace", "replacement": "_"})",
        R"({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true})", R"({"type": "Punctuation"})"}) {
    const auto pre_tokenizer = make_pre_tokenizer(json::parse(step));
    ASSERT_TRUE(pre_tokenizer) << pre_tokenizer.error().message;
    SplitText split{AlignedText::identity(long_text), {{0, long_text.size()}}};
    const auto done = (*pre_tokenizer)->run(split, stopped);
    EXPECT_TRUE(!done && done.error().code == ErrorCode::kCancelled) << step;
  }
}

TEST(TextBounds, AStopEndsAModelWithinAPiece) {
  Stop stop;
  stop.request();
  for (
      const char* const model :
      {R"({"type": "BPE", "vocab": {"a": 0, "aa": 1}, "merges": ["a a"]})",
       R"({"type": "Unigram", "unk_id": 0, "vocab": [["a", -1.0], ["aa", -1.5]]})",
       R"({"type": "WordPiece", "unk_token": "a", "max_input_chars_per_word": 1000000, "vocab": {"a": 0, "##a": 1}})"}) {
    const auto made = make_token_model(json::parse(model));
    ASSERT_TRUE(made) << made.error().message;
    ModelScratch scratch;
    std::vector<Token> tokens;
    const auto done = (*made)->tokenize(std::string(10'000, 'a'), scratch, tokens, TextBounds(kMaxTextBytes, stop));
    EXPECT_TRUE(!done && done.error().code == ErrorCode::kCancelled) << model;
  }
}

TEST(TextBounds, AStopIsLookedAtWithinAText) {
  const auto tokenizer = Tokenizer::from_json(tokenizer_with("normalizer", nullptr).dump());
  EncodeOptions options;
  options.stop.request();
  const auto encoding = tokenizer->encode("a", std::nullopt, options);
  ASSERT_FALSE(encoding);
  EXPECT_EQ(encoding.error().code, ErrorCode::kCancelled);
}

}  // namespace
}  // namespace ipfs_accelerate::input
