#include "engine/contents.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/result.h"

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::json;
using Bytes = std::vector<std::uint8_t>;

constexpr int kMaxSide = 16384;    // of a picture; as decoders have it
constexpr int kMaxRate = 768'000;  // samples a second

/// Reads one item; its errors say which.
class ContentReader {
 public:
  ContentReader(std::size_t number, const ReadFile& read_file) : number_(number), read_file_(read_file) {}

  Result<Content> read(const Json& item) const {
    if (item.is_string()) return Text{item.get<std::string>()};
    const auto has = [&](const char* field) { return item.is_object() && item.contains(field); };
    if (has("text") + has("messages") + has("image") + has("audio") > 1) {
      return fail(ErrorCode::kInvalidArgument, "input {} has more than one of 'text', 'messages', 'image', 'audio'",
                  number_);
    }
    if (has("text")) return text(item);
    if (has("messages")) return messages(item["messages"]);
    if (has("image")) return image(item["image"]);
    if (has("audio")) return audio(item["audio"]);
    return fail(ErrorCode::kInvalidArgument,
                "input {} is no text, and no object with 'text', 'messages', 'image' or 'audio'", number_);
  }

 private:
  std::unexpected<Error> wrong(std::string_view field, std::string_view wanted) const {
    return fail(ErrorCode::kInvalidArgument, "input {}: '{}' must be {}", number_, field, wanted);
  }

  Result<std::string> text_at(const Json& object, const char* field) const {
    const auto found = object.is_object() ? object.find(field) : object.end();
    if (found == object.end() || !found->is_string()) return wrong(field, "a text");
    return found->get<std::string>();
  }

  Result<int> number_at(const Json& object, const char* field, int limit) const {
    const auto found = object.find(field);
    const bool whole = found != object.end() && found->is_number_integer();
    if (!whole || *found < 1 || *found > limit) {
      return wrong(field, std::format("a whole number from 1 to {}", limit));
    }
    return found->get<int>();
  }

  Result<Content> text(const Json& item) const {
    IA_ASSIGN(std::string text, text_at(item, "text"));
    if (!item.contains("pair") || item["pair"].is_null()) return Text{std::move(text)};
    IA_ASSIGN(std::string pair, text_at(item, "pair"));
    return TextPair{std::move(text), std::move(pair)};
  }

  Result<Content> messages(const Json& list) const {
    if (!list.is_array() || list.empty()) return wrong("messages", "a list of {\"role\", \"content\"}, not empty");
    Messages messages;
    for (const Json& one : list) {
      Message& message = messages.messages.emplace_back();
      IA_ASSIGN(message.role, text_at(one, "role"));
      IA_ASSIGN(message.content, text_at(one, "content"));
    }
    return messages;
  }

  Result<Content> image(const Json& value) const {
    if (!value.is_object()) {
      IA_ASSIGN(Bytes file, file_at("image", value));
      return Picture{std::move(file)};
    }
    Pixels pixels;
    IA_ASSIGN(pixels.width, number_at(value, "width", kMaxSide));
    IA_ASSIGN(pixels.height, number_at(value, "height", kMaxSide));
    IA_ASSIGN(pixels.rgb, file_at("pixels", value.value("pixels", Json())));
    const std::size_t wanted =
        std::size_t{3} * static_cast<std::size_t>(pixels.width) * static_cast<std::size_t>(pixels.height);
    if (pixels.rgb.size() != wanted) {
      return fail(ErrorCode::kInvalidArgument, "input {}: 'pixels' has {} bytes; {} x {} pixels have {}", number_,
                  pixels.rgb.size(), pixels.width, pixels.height, wanted);
    }
    return pixels;
  }

  Result<Content> audio(const Json& value) const {
    if (!value.is_object()) {
      IA_ASSIGN(Bytes file, file_at("audio", value));
      return Sound{std::move(file)};
    }
    Samples samples;
    IA_ASSIGN(samples.rate, number_at(value, "rate", kMaxRate));
    IA_ASSIGN(const Bytes bytes, file_at("samples", value.value("samples", Json())));
    if (bytes.size() % sizeof(float) != 0) {
      return fail(ErrorCode::kInvalidArgument, "input {}: 'samples' has {} bytes, which are no 32-bit floats", number_,
                  bytes.size());
    }
    static_assert(std::endian::native == std::endian::little);
    samples.values.resize(bytes.size() / sizeof(float));
    if (!bytes.empty()) std::memcpy(samples.values.data(), bytes.data(), bytes.size());
    return samples;
  }

  /// The bytes of a file that the JSON names.
  Result<Bytes> file_at(std::string_view field, const Json& value) const {
    std::optional<FileName> name;
    if (value.is_string()) name = value.get<std::string>();
    if (value.is_number_unsigned()) name = std::size_t{value.get<std::uint32_t>()};
    if (!name || (value.is_number() && value > UINT32_MAX)) return wrong(field, "a path, or the number of a blob");
    if (!read_file_) {
      return fail(ErrorCode::kInvalidArgument, "input {}: '{}' names a file, and none are read here", number_, field);
    }
    auto bytes = read_file_(*name);
    if (!bytes) return while_doing(std::move(bytes).error(), "reading '{}' of input {}", field, number_);
    return bytes;
  }

  std::size_t number_;
  const ReadFile& read_file_;
};

}  // namespace

Result<std::vector<Content>> contents_of(const Json& json, const ReadFile& read_file) {
  std::vector<Content> contents;
  const auto add = [&](const Json& item) -> Result<> {
    IA_ASSIGN(Content content, ContentReader(contents.size(), read_file).read(item));
    contents.push_back(std::move(content));
    return {};
  };
  if (!json.is_array()) IA_TRY(add(json));
  for (std::size_t i = 0; json.is_array() && i < json.size(); ++i) IA_TRY(add(json[i]));
  return contents;
}

Result<std::vector<Content>> read_contents(std::string_view text, const ReadFile& read_file) {
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return fail(ErrorCode::kInvalidArgument, "the inputs are no JSON");
  return contents_of(json, read_file);
}

}  // namespace ipfs_accelerate
