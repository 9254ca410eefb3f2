// Reading folders with blocks that come at once: thin drivers over the walks.
#include "content/walk.h"

namespace ipfs_accelerate::content {
namespace {

BlockGetter with_inline(const BlockGetter& get) {
  return [&get](const Cid& cid) {
    return cid.hash.function == HashFunction::kIdentity ? Block::from_identity(cid) : get(cid);
  };
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

}  // namespace ipfs_accelerate::content
