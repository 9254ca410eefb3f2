// Tests of the one reader of content: every form, and what is refused by name.
#include <gtest/gtest.h>

#include "base/result.h"
#include "ipfs_accelerate/content.h"

namespace ipfs_accelerate {
namespace {

/// Bytes by path "cat" and by number 3; nothing else is there.
Result<std::vector<std::uint8_t>> some_files(const FileName& name) {
  if (name == FileName("cat")) return std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6};
  if (name == FileName(std::size_t{3})) return std::vector<std::uint8_t>{0, 0, 128, 63, 0, 0, 0, 192};
  return fail(ErrorCode::kNotFound, "no such file");
}

template <class Kind>
Kind only(std::string_view json) {
  const auto contents = read_contents(json, some_files);
  EXPECT_TRUE(contents) << json << ": " << contents.error().message;
  return contents && contents->size() == 1 ? std::get<Kind>(contents->front()) : Kind();
}

std::string problem(std::string_view json, const ReadFile& read_file = some_files) {
  const auto contents = read_contents(json, read_file);
  return contents ? "" : std::string(error_name(contents.error().code)) + ": " + contents.error().message;
}

TEST(ReadContents, EveryForm) {
  EXPECT_EQ(only<Text>(R"("red")").text, "red");
  EXPECT_EQ(only<Text>(R"({"text": "red", "pair": null, "id": 7})").text, "red");
  EXPECT_EQ(only<TextPair>(R"([{"text": "red", "pair": "cold"}])").pair, "cold");
  const Messages chat =
      only<Messages>(R"({"messages": [{"role": "system", "content": "a"}, {"role": "user", "content": "b"}]})");
  ASSERT_EQ(chat.messages.size(), 2u);
  EXPECT_EQ(chat.messages[1].role + chat.messages[1].content, "userb");
  EXPECT_EQ(only<Picture>(R"({"image": "cat"})").file.size(), 6u);
  EXPECT_EQ(only<Sound>(R"({"audio": 3})").file.size(), 8u);
  const Pixels pixels = only<Pixels>(R"({"image": {"width": 2, "height": 1, "pixels": "cat"}})");
  EXPECT_EQ(pixels.rgb, (std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6}));
  const Samples samples = only<Samples>(R"({"audio": {"rate": 16000, "samples": 3}})");
  EXPECT_EQ(samples.rate, 16000);
  EXPECT_EQ(samples.values, (std::vector<float>{1, -2}));
  const auto mixed = read_contents(R"(["a", {"text": "b"}, {"image": "cat"}])", some_files);
  ASSERT_TRUE(mixed);
  EXPECT_EQ(mixed->size(), 3u);
  EXPECT_TRUE(read_contents("[]")->empty());
}

TEST(ReadContents, WhatIsRefusedIsNamed) {
  const std::string bad = "invalid_argument: ";
  EXPECT_EQ(problem("{"), bad + "the inputs are no JSON");
  EXPECT_EQ(problem(R"(["a", 7])"),
            bad + "input 1 is no text, and no object with 'text', 'messages', 'image' or 'audio'");
  EXPECT_EQ(problem(R"({"text": 7})"), bad + "input 0: 'text' must be a text");
  EXPECT_EQ(problem(R"({"text": "a", "pair": 7})"), bad + "input 0: 'pair' must be a text");
  EXPECT_EQ(problem(R"({"text": "a", "image": "cat"})"),
            bad + "input 0 has more than one of 'text', 'messages', 'image', 'audio'");
  EXPECT_EQ(problem(R"({"messages": []})"),
            bad + "input 0: 'messages' must be a list of {\"role\", \"content\"}, not empty");
  EXPECT_EQ(problem(R"({"messages": [{"role": "user"}]})"), bad + "input 0: 'content' must be a text");
  EXPECT_EQ(problem(R"({"messages": ["hi"]})"), bad + "input 0: 'role' must be a text");
  EXPECT_EQ(problem(R"({"image": [1]})"), bad + "input 0: 'image' must be a path, or the number of a blob");
  EXPECT_EQ(problem(R"({"image": -1})"), bad + "input 0: 'image' must be a path, or the number of a blob");
  EXPECT_EQ(problem(R"({"audio": 4294967296})"), bad + "input 0: 'audio' must be a path, or the number of a blob");
  EXPECT_EQ(problem(R"({"image": {"width": 2, "height": 1}})"),
            bad + "input 0: 'pixels' must be a path, or the number of a blob");
  EXPECT_EQ(problem(R"({"image": {"width": 2, "height": 2, "pixels": "cat"}})"),
            bad + "input 0: 'pixels' has 6 bytes; 2 x 2 pixels have 12");
  for (const char* width : {"0", "16385", "1.5", "18446744073709551615", "-1", "null"}) {
    EXPECT_EQ(problem(std::format(R"({{"image": {{"width": {}, "height": 1, "pixels": "cat"}}}})", width)),
              bad + "input 0: 'width' must be a whole number from 1 to 16384");
  }
  EXPECT_EQ(problem(R"({"audio": {"rate": 16000, "samples": "cat"}})"),
            bad + "input 0: 'samples' has 6 bytes, which are no 32-bit floats");
  EXPECT_EQ(problem(R"({"audio": "dog"})"), "not_found: while reading 'audio' of input 0: no such file");
  EXPECT_EQ(problem(R"({"image": "cat"})", {}), bad + "input 0: 'image' names a file, and none are read here");
}

}  // namespace
}  // namespace ipfs_accelerate
