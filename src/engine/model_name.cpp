#include "engine/model_name.h"

#include <algorithm>
#include <vector>

#include "content/name.h"

namespace ipfs_accelerate {
namespace {

bool is_address(std::string_view text) { return text.starts_with("http://") || text.starts_with("https://"); }

/// Without "." and "..", which nothing can leave the top by.
std::string without_dots(std::string_view path) {
  std::vector<std::string_view> parts;
  bool folder = false;  // the path ends with a slash
  for (std::size_t at = 1; at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view part = path.substr(at, end - at);
    at = end + 1;
    folder = part.empty() || part == "." || part == "..";
    if (part == ".." && !parts.empty()) parts.pop_back();
    if (!folder || (part.empty() && at <= path.size())) parts.push_back(part);
  }
  std::string clean;
  for (const std::string_view part : parts) clean.append("/").append(part);
  return folder || clean.empty() ? clean + "/" : clean;
}

}  // namespace

Result<ModelName> parse_model_name(const std::string& model) {
  using Kind = ModelName::Kind;
  if (is_address(model)) return ModelName{Kind::kUrl, model};
  IA_ASSIGN(content::Name name, content::parse_name(model));
  return ModelName{name.cid ? Kind::kCid : Kind::kOther, std::move(name.text)};
}

bool is_relative(std::string_view text) {
  if (text.starts_with("/ipfs/")) return false;
  return text.starts_with("/") || text.starts_with("./") || text.starts_with("../");
}

std::string resolve_address(std::string_view base, std::string_view reference) {
  if (!is_address(base) || is_address(reference)) return std::string(reference);
  base = base.substr(0, base.find_first_of("?#"));
  const std::size_t host = base.find("//");
  if (reference.starts_with("//")) return std::string(base.substr(0, host)).append(reference);
  const std::size_t root = std::min(base.find('/', host + 2), base.size());
  const std::size_t behind = std::min(reference.find_first_of("?#"), reference.size());
  std::string path(reference.substr(0, behind));
  const std::string_view folder = root == base.size() ? "/" : base.substr(root, base.rfind('/') + 1 - root);
  if (!path.starts_with('/')) path.insert(0, folder);
  return std::string(base.substr(0, root)) + without_dots(path).append(reference.substr(behind));
}

}  // namespace ipfs_accelerate
