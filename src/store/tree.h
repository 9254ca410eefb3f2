// What `add` takes: a folder on disk walked into files, links and folders, in an order that does not depend on the
// disk.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "store/store.h"

namespace ipfs_accelerate::store {

struct SourceFile {
  std::filesystem::path path;
  std::string shown;  ///< relative to what was given, for messages
  std::uint64_t size = 0;
  bool link = false;  ///< `path` is a symbolic link that is followed
};
struct TreeNode {
  EntryType type = EntryType::kFile;
  std::string name{};
  std::size_t file = 0;                 ///< files: index into Tree::files
  std::string target{};                 ///< symbolic links
  std::vector<std::size_t> children{};  ///< folders: indices into Tree::nodes, always larger than the folder's own
};
struct Tree {
  std::vector<TreeNode> nodes;  ///< nodes[0] is what was given
  std::vector<SourceFile> files;
  std::uint64_t bytes = 0;
};

/// kNotFound, kIo, kLimitExceeded (content::kMaxFolderDepth, kMaxFolderLinks), kInvalidArgument (sockets, pipes,
/// devices, loops). Models are added with links followed: fetch/disk_folder.cpp has the same rules for Node.
Result<Tree> scan(const std::filesystem::path& path, const AddOptions& options);

}  // namespace ipfs_accelerate::store
