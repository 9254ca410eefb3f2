// The trustless gateway: formats, headers and errors as its specification says.
#include "gateway.h"

#include <algorithm>
#include <charconv>
#include <format>

namespace ipfs_accelerate::server {
namespace {

struct Wanted {
  bool car = false;
  CarOptions options;
  std::string etag_suffix;  ///< what distinguishes this representation of the CID
};

std::unexpected<Error> bad(std::string message) {
  return std::unexpected(Error{ErrorCode::kInvalidArgument, std::move(message)});
}

std::string trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
}

/// The first known media type of Accept, with its parameters.
std::pair<std::string, std::map<std::string, std::string>> accepted(std::string_view accept) {
  while (!accept.empty()) {
    std::string_view item = accept.substr(0, accept.find(','));
    accept.remove_prefix(std::min(accept.size(), item.size() + 1));
    const std::string type = trim(item.substr(0, item.find(';')));
    item.remove_prefix(std::min(item.size(), item.find(';')));
    if (type != "application/vnd.ipld.raw" && type != "application/vnd.ipld.car") continue;
    std::map<std::string, std::string> parameters;
    while (!item.empty()) {
      item.remove_prefix(1);
      const std::string_view parameter = item.substr(0, item.find(';'));
      item.remove_prefix(parameter.size());
      const std::size_t equals = parameter.find('=');
      if (equals != std::string_view::npos)
        parameters[trim(parameter.substr(0, equals))] = trim(parameter.substr(equals + 1));
    }
    return {type == "application/vnd.ipld.raw" ? "raw" : "car", parameters};
  }
  return {};
}

bool parse_number(std::string_view text, std::int64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

/// "from:to", each possibly negative; "to" may be '*'.
Result<> parse_range(const std::string& text, CarOptions& options) {
  const std::size_t colon = text.find(':');
  std::int64_t from = 0, to = 0;
  if (colon == std::string::npos || !parse_number(std::string_view(text).substr(0, colon), from)) {
    return bad("entity-bytes must be FROM:TO, TO a number or '*'");
  }
  const std::string_view end = std::string_view(text).substr(colon + 1);
  if (end == "*") {
    options.entity_bytes = {from, std::nullopt};
    return {};
  }
  if (!parse_number(end, to)) return bad("entity-bytes must be FROM:TO, TO a number or '*'");
  if (from >= 0 && to >= 0 && to < from) return bad("entity-bytes ends before it begins");
  options.entity_bytes = {from, to};
  return {};
}

Result<Wanted> parse_wanted(const Request& request) {
  const auto query = [&](const char* key) {
    const auto found = request.query.find(key);
    return found == request.query.end() ? std::string() : found->second;
  };
  auto [format, parameters] = accepted(request.header("accept"));
  if (const std::string asked = query("format"); !asked.empty()) format = asked;
  for (const auto& [key, name] : {std::pair{"car-version", "version"}, {"car-order", "order"}, {"car-dups", "dups"}}) {
    if (const std::string value = query(key); !value.empty()) parameters[name] = value;
  }
  Wanted wanted;
  if (format == "raw") {
    wanted.etag_suffix = ".raw";
    return wanted;
  }
  if (format != "car")
    return bad("say ?format=raw or ?format=car (or Accept application/vnd.ipld.raw or .car); nothing is rendered here");
  wanted.car = true;
  if (parameters.contains("version") && parameters["version"] != "1") return bad("only CAR version 1 is written");
  if (parameters.contains("order") && parameters["order"] != "dfs" && parameters["order"] != "unk")
    return bad("only the order dfs is written");
  if (parameters.contains("dups")) {
    if (parameters["dups"] != "y" && parameters["dups"] != "n") return bad("dups is y or n");
    wanted.options.duplicates = parameters["dups"] == "y";
  }
  const std::string scope = query("dag-scope").empty() ? "all" : query("dag-scope");
  if (scope == "block")
    wanted.options.scope = DagScope::kBlock;
  else if (scope == "entity")
    wanted.options.scope = DagScope::kEntity;
  else if (scope != "all")
    return bad("dag-scope is block, entity or all");
  const std::string range = query("entity-bytes");
  if (!range.empty()) {
    wanted.options.scope = DagScope::kEntity;
    if (auto parsed = parse_range(range, wanted.options); !parsed) return std::unexpected(parsed.error());
  }
  wanted.etag_suffix =
      std::format(".car.{}{}{}", scope, wanted.options.duplicates ? ".dups" : "", range.empty() ? "" : "." + range);
  return wanted;
}

void add_cors(Response& response) {
  response.set("Access-Control-Allow-Origin", "*");
  response.set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS");
  response.set("Access-Control-Allow-Headers",
               "Accept, Content-Type, If-None-Match, Range, User-Agent, X-Requested-With");
  response.set("Access-Control-Expose-Headers", "Content-Length, Content-Range, Etag, X-Ipfs-Path, X-Ipfs-Roots");
  response.set("Access-Control-Max-Age", "86400");
  response.set("Cross-Origin-Resource-Policy", "cross-origin");
}

/// Header values must not carry what a path may: line ends and non-ASCII bytes become escapes.
std::string header_safe(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f || c == '%' || c == '"' || c == '\\')
      out += std::format("%{:02X}", byte);
    else
      out += c;
  }
  return out;
}

void add_content_headers(Response& response, const Request& request, const Wanted& wanted, const Resolved& where) {
  const std::string type = wanted.car ? std::format("application/vnd.ipld.car; version=1; order=dfs; dups={}",
                                                    wanted.options.duplicates ? "y" : "n")
                                      : "application/vnd.ipld.raw";
  std::string roots;
  for (const std::string& cid : where.path) roots += (roots.empty() ? "" : ",") + cid;
  response.set("Content-Type", type);
  response.set("X-Content-Type-Options", "nosniff");
  response.set("Content-Disposition",
               std::format("attachment; filename=\"{}.{}\"", where.cid, wanted.car ? "car" : "bin"));
  response.set("Cache-Control", "public, max-age=29030400, immutable");
  response.set("X-Ipfs-Path", header_safe(request.path));
  response.set("X-Ipfs-Roots", roots);
  response.set("Vary", "Accept");
}

/// A CAR of a path also holds the blocks on the way, so its Etag names the root and what was asked for below it.
std::string etag_of(const Request& request, const Wanted& wanted, const Resolved& where) {
  const std::string name = wanted.car && where.path.size() > 1 ? header_safe(request.path.substr(6)) : where.cid;
  return "\"" + name + wanted.etag_suffix + "\"";
}

bool etag_matches(const std::string& header, const std::string& etag) { return header == "*" || header.contains(etag); }

Response missing(const Request& request, const Error& error) {
  const bool only_cached = request.header("cache-control").contains("only-if-cached");
  return error_response(error, error.code == ErrorCode::kNotFound && only_cached ? 412 : 0);
}

Response serve(Engine& engine, const Request& request) {
  const auto wanted = parse_wanted(request);
  if (!wanted)
    return error_response(wanted.error(),
                          request.query.contains("format") || request.header("accept").contains("ipld") ? 400 : 406);
  std::string content = request.path.substr(6);
  while (content.ends_with('/')) content.pop_back();
  const std::string cid = content.substr(0, content.find('/'));
  if (const auto known = inspect_cid(cid); !known) return error_response(known.error(), 400);

  const auto where = engine.resolve("/ipfs/" + content);
  if (!where) return missing(request, where.error());
  Response response;
  add_content_headers(response, request, *wanted, *where);
  const std::string etag = etag_of(request, *wanted, *where);
  response.set("Etag", etag);
  if (etag_matches(request.header("if-none-match"), etag)) {
    response.status = 304;
    return response;
  }
  if (wanted->car) {
    auto car = engine.open_car("/ipfs/" + content, wanted->options);
    if (!car) return missing(request, car.error());
    response.stream = *std::move(car);
    return response;
  }
  const auto block = engine.block(where->cid);
  if (!block) return missing(request, block.error());
  response.body.assign(block->begin(), block->end());
  return response;
}

}  // namespace

Response gateway(Engine& engine, const Request& request) {
  Response response;
  if (request.method == "OPTIONS")
    response.status = 204;
  else
    response = serve(engine, request);
  add_cors(response);
  return response;
}

}  // namespace ipfs_accelerate::server
