// Serving the built page: types, isolation headers, and no way out of its folder.
#include "site.h"

#include <algorithm>
#include <format>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

namespace ipfs_accelerate::server {
namespace fs = std::filesystem;
namespace {

constexpr std::uintmax_t kMaxFile = 256u << 20;

std::string type_of(const fs::path& file) {
  static const std::map<std::string, std::string> types = {{".html", "text/html; charset=utf-8"},
                                                           {".js", "text/javascript; charset=utf-8"},
                                                           {".mjs", "text/javascript; charset=utf-8"},
                                                           {".css", "text/css; charset=utf-8"},
                                                           {".wasm", "application/wasm"},
                                                           {".json", "application/json"},
                                                           {".svg", "image/svg+xml"},
                                                           {".png", "image/png"},
                                                           {".ico", "image/x-icon"},
                                                           {".map", "application/json"},
                                                           {".txt", "text/plain; charset=utf-8"},
                                                           {".woff2", "font/woff2"}};
  const auto found = types.find(file.extension().string());
  return found == types.end() ? "application/octet-stream" : found->second;
}

/// The file a path names, or nothing when it is outside the folder, hidden, or no regular file.
std::optional<fs::path> find_file(const fs::path& root, std::string_view path) {
  fs::path file = root;
  if (path.ends_with('/')) return find_file(root, std::string(path) + "index.html");
  while (!path.empty()) {
    path.remove_prefix(1);  // the '/'
    const std::string_view name = path.substr(0, path.find('/'));
    path.remove_prefix(name.size());
    if (name.empty() || name.starts_with('.') || name.find('\\') != std::string_view::npos) return std::nullopt;
    file /= name;
  }
  std::error_code error;
  const fs::path real = fs::canonical(file, error), base = fs::canonical(root, error);
  if (error || !fs::is_regular_file(real, error)) return std::nullopt;
  const bool inside = std::ranges::mismatch(base, real).in1 == base.end();
  return inside ? std::optional(real) : std::nullopt;
}

Result<std::string> read_file(const fs::path& file) {
  std::error_code error;
  const auto size = fs::file_size(file, error);
  if (error || size > kMaxFile)
    return std::unexpected(Error{ErrorCode::kIo, "cannot read " + file.filename().string()});
  std::string text(size, '\0');
  std::ifstream in(file, std::ios::binary);
  if (!in.read(text.data(), static_cast<std::streamsize>(size)))
    return std::unexpected(Error{ErrorCode::kIo, "cannot read " + file.filename().string()});
  return text;
}

}  // namespace

void add_page_headers(Response& response) {
  response.set("Cross-Origin-Opener-Policy", "same-origin");
  response.set("Cross-Origin-Embedder-Policy", "require-corp");
  response.set("Cross-Origin-Resource-Policy", "same-origin");
  response.set("Referrer-Policy", "no-referrer");
}

Response site(const fs::path& root, const Request& request) {
  Response response;
  const auto file = root.empty() ? std::nullopt : find_file(root, request.path);
  if (!file) {
    const bool no_page = request.path == "/";
    response = error_response(
        {ErrorCode::kNotFound, no_page ? "the page is not built; build it with ./dev run, or give its folder with --web"
                                       : "there is no such page"},
        404);
    add_page_headers(response);
    return response;
  }
  std::error_code error;
  const auto written = fs::last_write_time(*file, error).time_since_epoch().count();
  const std::string etag = std::format("\"{:x}-{:x}\"", fs::file_size(*file, error), written);
  response.set("Etag", etag);
  response.set("Cache-Control", "no-cache");
  add_page_headers(response);
  if (request.header("if-none-match") == etag) {
    response.status = 304;
    return response;
  }
  auto text = read_file(*file);
  if (!text) return error_response(text.error());
  response.set("Content-Type", type_of(*file));
  response.set("X-Content-Type-Options", "nosniff");
  response.body = *std::move(text);
  return response;
}

Response models(Engine& engine) {
  const auto list = engine.models();
  if (!list) return error_response(list.error());
  nlohmann::ordered_json json = {{"models", nlohmann::ordered_json::array()}};
  for (const NamedModel& model : *list) {
    json["models"].push_back({{"name", model.name},
                              {"cid", model.cid},
                              {"task", model.task},
                              {"answer_kind", model.answer_kind},
                              {"takes", model.takes},
                              {"architecture", model.architecture}});
  }
  Response response;
  response.set("Content-Type", "application/json");
  response.set("Cache-Control", "no-store");
  response.set("X-Content-Type-Options", "nosniff");
  add_page_headers(response);
  response.body = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  return response;
}

}  // namespace ipfs_accelerate::server
