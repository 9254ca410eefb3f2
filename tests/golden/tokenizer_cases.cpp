// Comparing a tokenizer with recorded results, every field of every case.
#include "golden/tokenizer_cases.h"

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "input/text/tokenizer.h"

namespace ipfs_accelerate::golden {
namespace {

using Json = nlohmann::json;
using Ids = std::vector<std::int32_t>;

// What differs in one case; empty when all is equal.
using Difference = std::string;

Result<std::string> read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(ErrorCode::kNotFound, "cannot open {}", path.string());
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::string shown(const Json& value) {
  const std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  return text.size() > 400 ? text.substr(0, 400) + "..." : text;
}

Difference compare(std::string_view field, const Json& got, const Json& wanted) {
  if (got == wanted) return {};
  return std::string(field) + ": got " + shown(got) + ", wanted " + shown(wanted);
}

Json optional_numbers(const std::vector<std::optional<std::int32_t>>& values) {
  Json result = Json::array();
  for (const auto& value : values) result.push_back(value ? Json(*value) : Json());
  return result;
}

std::optional<Truncation> truncation_of(const Json& test) {
  if (!test.contains("truncation")) return std::nullopt;
  const Json& from = test["truncation"];
  const std::string strategy = from.value("strategy", "longest_first");
  Truncation result;
  result.max_length = from.at("max_length");
  result.stride = from.value("stride", 0);
  result.strategy = strategy == "only_first"    ? TruncationStrategy::kOnlyFirst
                    : strategy == "only_second" ? TruncationStrategy::kOnlySecond
                                                : TruncationStrategy::kLongestFirst;
  result.left = from.value("direction", "right") == "left";
  return result;
}

std::optional<Padding> padding_of(const Json& test) {
  if (!test.contains("padding")) return std::nullopt;
  const Json& from = test["padding"];
  Padding result;
  if (from.contains("length") && !from["length"].is_null()) result.length = from["length"].get<std::int32_t>();
  if (from.contains("pad_to_multiple_of") && !from["pad_to_multiple_of"].is_null()) {
    result.multiple_of = from["pad_to_multiple_of"].get<std::int32_t>();
  }
  result.left = from.value("direction", "right") == "left";
  result.pad_id = from.value("pad_id", 0);
  result.pad_type_id = from.value("pad_type_id", 0);
  result.pad_token = from.value("pad_token", "[PAD]");
  return result;
}

EncodeOptions options_of(const Json& test) {
  return {test.value("add_special_tokens", true), truncation_of(test), padding_of(test)};
}

// transformers' clean_up_tokenization_spaces.
std::string cleaned_up(std::string text) {
  const std::vector<std::pair<std::string, std::string>> rules = {
      {" .", "."},     {" ?", "?"},   {" !", "!"},   {" ,", ","},     {" ' ", "'"},
      {" n't", "n't"}, {" 'm", "'m"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto& [from, to] : rules) {
    for (std::size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size())
      text.replace(at, from.size(), to);
  }
  return text;
}

// transformers' CLIPTokenizer: word ends become spaces, the outer ones go.
std::string clip_text(std::string text) {
  const std::string end = "</w>";
  for (std::size_t at = 0; (at = text.find(end, at)) != text.npos; ++at) text.replace(at, end.size(), " ");
  const std::size_t first = text.find_first_not_of(' ');
  return first == text.npos ? "" : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

Difference compare_decoding(const Tokenizer& tokenizer, const Json& test, const Ids& ids) {
  for (const bool skip : {false, true}) {
    const std::string field = skip ? "decoded_skip_special" : "decoded";
    const auto text = tokenizer.decode(ids, skip);
    if (!text) return field + ": " + text.error().message;
    const std::vector<std::pair<std::string, std::string>> variants = {
        {field, *text}, {field + "_cleanup", cleaned_up(*text)}, {field + "_clip", clip_text(*text)}};
    for (const auto& [name, got] : variants) {
      if (!test.contains(name)) continue;
      if (Difference difference = compare(name, got, test[name]); !difference.empty()) return difference;
    }
  }
  return {};
}

// Fed one at a time, the ids of a text must give what all at once give.
Difference compare_streaming(const Tokenizer& tokenizer, const Ids& ids) {
  for (const bool skip : {false, true}) {
    const auto wanted = tokenizer.decode(ids, skip);
    Tokenizer::DecodeStream stream(tokenizer, skip);
    std::string text;
    for (const std::int32_t id : ids) {
      const auto piece = stream.step(id);
      if (!piece) return "streaming: " + piece.error().message;
      text += piece->value_or("");
    }
    const auto rest = stream.finish();
    if (!wanted || !rest) return "streaming: " + (rest ? wanted : rest).error().message;
    if (Difference difference = compare("streamed", text + *rest, *wanted); !difference.empty()) return difference;
  }
  return {};
}

// A list that the file leaves out when all its values are `usual`.
Difference compare_mask(std::string_view field, const Ids& got, const Json& test, std::int32_t usual) {
  const std::string name(field);
  return compare(field, got, test.contains(name) ? test[name] : Json(Ids(got.size(), usual)));
}

Difference compare_encoding(const Encoding& got, const Json& test) {
  std::vector<Difference> differences = {compare("ids", got.ids, test["ids"]),
                                         compare_mask("type_ids", got.type_ids, test, 0),
                                         compare_mask("special_tokens_mask", got.special_tokens_mask, test, 0),
                                         compare_mask("attention_mask", got.attention_mask, test, 1)};
  if (test.contains("offsets")) differences.push_back(compare("offsets", got.offsets, test["offsets"]));
  if (test.contains("word_ids"))
    differences.push_back(compare("word_ids", optional_numbers(got.word_ids), test["word_ids"]));
  if (test.contains("sequence_ids")) {
    differences.push_back(compare("sequence_ids", optional_numbers(got.sequence_ids), test["sequence_ids"]));
  }
  if (test.contains("tokens")) differences.push_back(compare("tokens", got.tokens, test["tokens"]));
  if (test.contains("overflowing_ids")) {
    Json windows = Json::array();
    for (const Encoding& window : got.overflowing) windows.push_back(window.ids);
    differences.push_back(compare("overflowing_ids", windows, test["overflowing_ids"]));
  }
  for (Difference& difference : differences) {
    if (!difference.empty()) return std::move(difference);
  }
  return {};
}

Difference check_encode(const Tokenizer& tokenizer, const Json& test) {
  std::optional<std::string> pair;
  if (test.contains("pair") && !test["pair"].is_null()) pair = test["pair"].get<std::string>();
  const auto got = tokenizer.encode(test.at("text").get<std::string>(), pair, options_of(test));
  if (test["op"] == "encode_truncate_error") return got ? "encoded, though it should be refused" : Difference();
  if (!got) return got.error().message;
  if (Difference difference = compare_encoding(*got, test); !difference.empty()) return difference;
  if (Difference difference = compare_streaming(tokenizer, got->ids); !difference.empty()) return difference;
  return compare_decoding(tokenizer, test, got->ids);
}

Difference check_batch(const Tokenizer& tokenizer, const Json& test) {
  std::vector<std::pair<std::string, std::optional<std::string>>> texts;
  for (const Json& text : test.at("texts")) texts.emplace_back(text.get<std::string>(), std::nullopt);
  const auto got = tokenizer.encode_batch(texts, options_of(test));
  if (!got) return got.error().message;
  const std::vector<std::pair<std::string, std::vector<std::int32_t> Encoding::*>> columns = {
      {"ids", &Encoding::ids},
      {"attention_mask", &Encoding::attention_mask},
      {"type_ids", &Encoding::type_ids},
      {"special_tokens_mask", &Encoding::special_tokens_mask}};
  for (const auto& [name, column] : columns) {
    if (!test.contains(name)) continue;
    Json lists = Json::array();
    for (const Encoding& encoding : *got) lists.push_back(encoding.*column);
    if (Difference difference = compare(name, lists, test[name]); !difference.empty()) return difference;
  }
  return {};
}

Difference check_stream(const Tokenizer& tokenizer, const Json& test) {
  Tokenizer::DecodeStream stream(tokenizer, test.value("skip_special_tokens", true));
  Json pieces = Json::array();
  for (const std::int32_t id : test.at("ids")) {
    const auto piece = stream.step(id);
    if (!piece) return piece.error().message;
    pieces.push_back(*piece ? Json(**piece) : Json());
  }
  return compare("pieces", pieces, test["pieces"]);
}

Difference check_stages(const Tokenizer& tokenizer, const Json& test) {
  const std::string normalized = tokenizer.normalize(test.at("text").get<std::string>());
  if (test.contains("normalized")) {
    if (Difference difference = compare("normalized", normalized, test["normalized"]); !difference.empty())
      return difference;
  }
  if (!test.contains("pre_tokenized")) return {};
  Json pieces = Json::array();
  for (const auto& [text, offsets] : tokenizer.pre_tokenize(normalized)) pieces.push_back({text, offsets});
  return compare("pre_tokenized", pieces, test["pre_tokenized"]);
}

Difference check(const Tokenizer& tokenizer, const Json& test) {
  const std::string op = test.value("op", "");
  if (op == "encode" || op == "encode_pair" || op == "encode_truncate" || op == "encode_truncate_error")
    return check_encode(tokenizer, test);
  if (op == "encode_batch_pad") return check_batch(tokenizer, test);
  if (op == "decode") return compare_decoding(tokenizer, test, test.at("ids").get<Ids>());
  if (op == "decode_stream") return check_stream(tokenizer, test);
  if (op == "stages") return check_stages(tokenizer, test);
  return "unknown op '" + op + "'";
}

}  // namespace

Result<TokenizerReport> run_tokenizer_cases(const std::filesystem::path& folder) {
  IA_ASSIGN(const std::string json, read_file(folder / "tokenizer.json"));
  IA_ASSIGN(const std::string cases, read_file(folder / "cases.json"));
  IA_ASSIGN(const Tokenizer tokenizer, Tokenizer::from_json(json));
  const Json file = Json::parse(cases, nullptr, false);
  if (!file.is_object() || !file.contains("cases"))
    return fail(ErrorCode::kMalformedConfig, "{} has no cases", (folder / "cases.json").string());
  TokenizerReport report;
  for (const Json& test : file["cases"]) {
    ++report.cases;
    Difference difference;
    try {
      difference = check(tokenizer, test);
    } catch (const Json::exception& error) {
      difference = std::string("the case cannot be read: ") + error.what();
    }
    if (difference.empty()) continue;
    if (++report.failed == 1) report.first_difference = test.value("name", "?") + ": " + difference;
  }
  return report;
}

}  // namespace ipfs_accelerate::golden
