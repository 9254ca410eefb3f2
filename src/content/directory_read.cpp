// Reading folders with blocks that come at once: thin drivers over the walks; and paths as text.
#include "content/walk.h"

namespace ipfs_accelerate::content {
namespace {

BlockGetter with_inline(const BlockGetter& get) {
  return [&get](const Cid& cid) {
    return cid.hash.function == HashFunction::kIdentity ? Block::from_identity(cid) : get(cid);
  };
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// "%20" -> " "; what is no escape stays.
std::string percent_decode(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape =
        text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0;
    plain += escape ? static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2])) : text[i];
    if (escape) i += 2;
  }
  return plain;
}

}  // namespace

Result<DirectoryListing> list_directory(const Cid& directory, const BlockGetter& get) {
  FolderWalk walk(directory);
  IA_TRY(drive(walk, with_inline(get)));
  return walk.take();
}

Result<Link> find_entry(const Cid& directory, std::string_view name, const BlockGetter& get) {
  EntryWalk walk(directory, std::string(name));
  IA_TRY(drive(walk, with_inline(get)));
  return walk.found();
}

Result<Cid> resolve_path(const ContentPath& path, const BlockGetter& get) {
  PathWalk walk(path, false);
  IA_TRY(drive(walk, with_inline(get)));
  return walk.target();
}

Result<FileLayout> layout_file(const Cid& root, const BlockGetter& get,
                               const std::function<bool(const Cid&)>& is_leaf) {
  FileWalk walk(root, Leaves::kRead, is_leaf);
  IA_TRY(drive(walk, with_inline(get)));
  return walk.take();
}

bool is_safe_name(std::string_view name) {
  return !name.empty() && name.size() <= 255 && name != "." && name != ".." && name.find('/') == name.npos &&
         name.find('\0') == name.npos;
}

Result<ContentPath> parse_path(std::string_view path) {
  const bool is_url = path.starts_with("ipfs://");
  if (path.starts_with("/ipfs/")) path.remove_prefix(6);
  if (is_url) path.remove_prefix(7);
  const auto slash = path.find('/');
  ContentPath parsed;
  IA_ASSIGN(parsed.root, Cid::parse(path.substr(0, slash)));
  while (path.find('/') != path.npos) {
    path.remove_prefix(path.find('/') + 1);
    const std::string_view part = path.substr(0, path.find('/'));
    std::string name = is_url ? percent_decode(part) : std::string(part);
    if (name.empty()) continue;
    if (name == "." || name == "..") {
      return fail(ErrorCode::kInvalidArgument, "\"{}\" is not allowed in a content path", name);
    }
    if (parsed.names.size() == kMaxPathNames) {
      return fail(ErrorCode::kLimitExceeded, "a path of more than {} names", kMaxPathNames);
    }
    parsed.names.push_back(std::move(name));
  }
  return parsed;
}

}  // namespace ipfs_accelerate::content
