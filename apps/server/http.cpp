// Parsing targets, checking Host and Origin, and errors as responses.
#include "http.h"

#include <algorithm>
#include <cctype>
#include <format>
#include <nlohmann/json.hpp>

namespace ipfs_accelerate::server {
namespace {

std::unexpected<Error> bad(std::string message) {
  return std::unexpected(Error{ErrorCode::kInvalidArgument, std::move(message)});
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size() || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0)
        return bad("a broken percent escape");
      c = static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    if (c == '\0') return bad("a NUL in the path");
    out += c;
  }
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

/// "localhost:8080" -> "localhost", "[::1]:8080" -> "[::1]".
std::string without_port(std::string_view authority) {
  const std::size_t colon = authority.rfind(':');
  const bool has_port = colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos &&
                        (authority.starts_with('[') || authority.find(':') == colon);
  return lower(has_port ? authority.substr(0, colon) : authority);
}

unsigned status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNotFound:
    case ErrorCode::kNoSource: return 404;
    case ErrorCode::kForbidden: return 403;
    case ErrorCode::kTooManyRequests: return 429;
    case ErrorCode::kInvalidCid:
    case ErrorCode::kUnsupportedHash:
    case ErrorCode::kUnsupportedCodec:
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kUnknownOption: return 400;
    default: return 500;
  }
}

}  // namespace

std::string Request::header(std::string_view name) const {
  const auto found = headers.find(std::string(name));
  return found == headers.end() ? std::string() : found->second;
}

Result<> parse_target(std::string_view target, Request& request) {
  if (!target.starts_with('/')) return bad("the request target must start with '/'");
  const std::size_t mark = target.find('?');
  auto path = percent_decode(target.substr(0, mark), false);
  if (!path) return std::unexpected(path.error());
  request.path = *std::move(path);
  std::string_view query = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
  while (!query.empty()) {
    const std::string_view item = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), item.size() + 1));
    const std::size_t equals = item.find('=');
    auto key = percent_decode(item.substr(0, equals), true);
    auto value = percent_decode(equals == std::string_view::npos ? std::string_view() : item.substr(equals + 1), true);
    if (!key || !value) return bad("a broken percent escape in the query");
    request.query.emplace(*std::move(key), *std::move(value));
  }
  return {};
}

Response error_response(const Error& error, unsigned status) {
  Response response;
  response.status = status ? status : status_of(error.code);
  response.set("Content-Type", "application/json");
  response.set("X-Content-Type-Options", "nosniff");
  response.set("Cache-Control", "no-store");
  const nlohmann::ordered_json json = {{"error", {{"code", error_name(error.code)}, {"message", error.message}}}};
  response.body = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  return response;
}

bool Access::knows(std::string_view authority) const {
  return std::ranges::find(hosts, without_port(authority)) != hosts.end();
}

std::optional<Response> Access::check_host(const Request& request) const {
  const std::string host = request.header("host");
  if (host.empty()) return error_response({ErrorCode::kInvalidArgument, "the request has no Host"}, 400);
  if (knows(host)) return std::nullopt;
  return error_response(
      {ErrorCode::kForbidden, std::format("the Host '{}' is not served here; add it with --host", host)}, 403);
}

std::optional<Response> Access::check_origin(const Request& request) const {
  const std::string origin = request.header("origin");
  const auto refuse = [](std::string why) { return error_response({ErrorCode::kForbidden, std::move(why)}, 403); };
  if (request.header("sec-fetch-site") == "cross-site" && request.header("sec-fetch-mode") != "navigate") {
    return refuse("pages of other sites may not ask here");
  }
  if (origin.empty()) return std::nullopt;
  const std::size_t scheme = origin.find("://");
  if (scheme != std::string::npos && knows(std::string_view(origin).substr(scheme + 3))) return std::nullopt;
  return refuse(std::format("the Origin '{}' may not ask here", origin));
}

}  // namespace ipfs_accelerate::server
