// Reading a line with nlohmann::json, and writing it from its own text.
#include "json_line.h"

#include <algorithm>
#include <charconv>
#include <format>
#include <nlohmann/json.hpp>
#include <vector>

#include "output.h"

namespace ipfs_accelerate::cli {
namespace {

using nlohmann::json;

constexpr std::string_view kSpace = " \t\r\n";
constexpr std::string_view kInput = "input ";  // as errors count the inputs of a run: "input 7"

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Past the string that begins at `at`.
std::size_t string_end(std::string_view text, std::size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) at += text[at] == '\\';
  return std::min(at + 1, text.size());
}

/// Past the digits at `at`; npos where there are none.
std::size_t digits_end(std::string_view text, std::size_t at) {
  if (at >= text.size() || !is_digit(text[at])) return text.npos;
  return std::min(text.find_first_not_of("0123456789", at), text.size());
}

/// A number as JSON writes them.
bool is_number(std::string_view text) {
  std::size_t at = text.starts_with('-');
  const bool zero = at < text.size() && text[at] == '0';
  at = zero ? at + 1 : digits_end(text, at);
  if (at < text.size() && text[at] == '.') at = digits_end(text, at + 1);
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    at = digits_end(text, at);
  }
  return at == text.size();
}

/// The library refuses lines with numbers that no double can hold: zeros, in a copy that only our own fields are read
/// from. What an input is made of has no such numbers.
std::string with_numbers_that_fit(std::string_view line) {
  std::string result;
  for (std::size_t at = 0, end = 0; at < line.size(); at = end) {
    end = at + 1;
    const bool number = line[at] == '-' || is_digit(line[at]);
    if (line[at] == '"') end = string_end(line, at);
    if (number) end = std::min(line.find_first_not_of("+-.0123456789eE", at), line.size());
    const std::string_view token = line.substr(at, end - at);
    double value = 0;
    const auto read = std::from_chars(token.data(), token.data() + token.size(), value);
    result += number && read.ec == std::errc::result_out_of_range && is_number(token) ? "0" : token;
  }
  return result;
}

/// Past the value that begins at `at`, up to the comma or brace that follows.
std::size_t value_end(std::string_view object, std::size_t at) {
  std::size_t depth = 0;
  while (at < object.size()) {
    const char c = object[at];
    if (depth == 0 && (c == ',' || c == '}')) break;
    depth += c == '{' || c == '[';
    depth -= c == '}' || c == ']';
    at = c == '"' ? string_end(object, at) : at + 1;
  }
  return at;
}

/// The fields of a well-formed object, each as it is written: "key": value.
std::vector<std::string_view> fields_of(std::string_view object) {
  std::vector<std::string_view> fields;
  for (std::size_t at = object.find('"'); at < object.size(); at = object.find('"', at)) {
    const std::size_t end = value_end(object, string_end(object, at));
    fields.push_back(object.substr(at, object.find_last_not_of(kSpace, end - 1) + 1 - at));
    at = end;
  }
  return fields;
}

std::unexpected<Error> bad(std::string message) {
  return std::unexpected(Error{ErrorCode::kInvalidArgument, std::move(message)});
}

}  // namespace

Result<JsonLine> read_json_line(std::string_view line, std::size_t number) {
  line = line.substr(0, line.find_last_not_of(kSpace) + 1);
  const std::string readable = with_numbers_that_fit(line);
  const json value = json::parse(readable, nullptr, false);
  if (value.is_discarded()) return bad(std::format("line {} is no JSON: {}", number, shorten(std::string(line), 60)));
  if (value.is_array()) return bad(std::format("line {} is a list; write one input in a line", number));
  auto contents = read_contents(readable, local_files());
  if (!contents) return std::unexpected(about_line(std::move(contents).error(), number));
  std::string object = value.is_object() ? std::string(line) : std::format("{{\"text\":{}}}", line);
  return JsonLine{number, std::move(object), std::move(contents->front())};
}

std::string with_output(std::string_view object, std::string_view output) {
  std::string result = "{";
  for (const std::string_view field : fields_of(object)) {
    const json key = json::parse(field.substr(0, string_end(field, 0)), nullptr, false);
    if (key != "output") result.append(field) += ',';
  }
  return result.append("\"output\":").append(output) += '}';
}

Error about_line(Error error, std::size_t number) {
  if (const std::size_t at = error.message.find("input 0"); at != error.message.npos) {
    error.message.replace(at, 7, "the input");
  }
  error.message = std::format("line {}: {}", number, error.message);
  return error;
}

bool names_an_input(const Error& error) {
  for (std::size_t at = error.message.find(kInput); at != error.message.npos; at = error.message.find(kInput, at + 1)) {
    if (const std::size_t next = at + kInput.size(); next < error.message.size() && is_digit(error.message[next])) {
      return true;
    }
  }
  return false;
}

}  // namespace ipfs_accelerate::cli
