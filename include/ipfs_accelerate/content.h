// Content: what a model is given, and the one reader of it from JSON, for every edge.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ipfs_accelerate/result.h"

namespace ipfs_accelerate {

struct Text {
  std::string text{};
};
/// Two texts that belong together: a question and a passage, two sentences to compare.
struct TextPair {
  std::string text{}, pair{};
};
/// One turn of a conversation; `role`: "system", "user", "assistant" ...
struct Message {
  std::string role{}, content{};
};
struct Messages {
  std::vector<Message> messages{};
};
/// The bytes of a PNG or JPEG.
struct Picture {
  std::vector<std::uint8_t> file{};
};
/// A decoded picture: rows from the top, 3 bytes for each pixel.
struct Pixels {
  int width = 0, height = 0;
  std::vector<std::uint8_t> rgb{};
};
/// The bytes of a sound file.
struct Sound {
  std::vector<std::uint8_t> file{};
};
/// A decoded sound: one channel, `rate` samples a second.
struct Samples {
  int rate = 0;
  std::vector<float> values{};
};

/// One input.
using Content = std::variant<Text, TextPair, Messages, Picture, Pixels, Sound, Samples>;

/// Where bytes are that JSON names: the path of a file, or the number of a blob that was sent beside the JSON.
using FileName = std::variant<std::string, std::size_t>;
using ReadFile = std::function<Result<std::vector<std::uint8_t>>(const FileName& name)>;

/// One content, or a list of them:
///   a text, or {"text", "pair"?}
///   {"messages": [{"role", "content"} ...]}
///   {"image": FILE}, a PNG or JPEG, or {"image": {"width", "height", "pixels": FILE}}, 3 bytes for each pixel
///   {"audio": FILE}, or {"audio": {"rate", "samples": FILE}}, 32-bit floats with the lowest byte first
/// FILE is a path, or the number of a blob; `read_file` gives its bytes. Without one such content is refused.
/// kInvalidArgument names the item and the field; other fields of an item are not looked at.
Result<std::vector<Content>> read_contents(std::string_view json, const ReadFile& read_file = {});

}  // namespace ipfs_accelerate
