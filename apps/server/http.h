// What a handler sees of a request and says in a response; no sockets here.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ipfs_accelerate/ipfs_accelerate.h"

namespace ipfs_accelerate::server {

struct Request {
  std::string method;                               ///< "GET", "HEAD", "OPTIONS" ...
  std::string path;                                 ///< percent-decoded, starts with '/'
  std::map<std::string, std::string> query;         ///< decoded; the first of equal keys
  std::map<std::string, std::string> headers;       ///< names in lower case
  std::string header(std::string_view name) const;  ///< empty when absent
};

/// Splits and decodes a request target. kInvalidArgument: no '/' in front, a broken escape, a NUL, or not UTF-8-safe
/// bytes.
Result<> parse_target(std::string_view target, Request& request);

struct Response {
  unsigned status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::optional<CarStream> stream;  ///< instead of the body, sent in chunks
  void set(std::string name, std::string value) { headers.emplace_back(std::move(name), std::move(value)); }
};

/// {"error": {"code", "message"}} with the status that fits the code, or the one given.
Response error_response(const Error& error, unsigned status = 0);

/// Who may ask. Names are compared without their port and without case.
struct Access {
  std::vector<std::string> hosts = {"localhost", "127.0.0.1", "[::1]"};
  /// Refuses requests whose Host is not one of ours: a page elsewhere may point its own name at this address.
  std::optional<Response> check_host(const Request& request) const;
  /// Refuses requests that a page of another origin made.
  std::optional<Response> check_origin(const Request& request) const;
  bool knows(std::string_view authority) const;
};

}  // namespace ipfs_accelerate::server
