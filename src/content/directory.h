// Folders: writing flat or HAMT ones as Kubo does, listing and looking up both. Without blocks at hand: walk.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "content/file_dag.h"
#include "content/name.h"

namespace ipfs_accelerate::content {

/// Writes a folder with these entries (any order, names unique): flat, or a HAMT when it is larger than the profile's
/// threshold. kInvalidArgument for names that are empty, ".", "..", contain "/" or NUL, or stand twice.
Result<Link> build_directory(const Profile& profile, std::vector<Link> entries, const BlockSink& sink);
/// Writes a symbolic link's block.
Result<Link> build_symlink(const Profile& profile, std::string_view target, const BlockSink& sink);

inline constexpr std::size_t kMaxDirectoryEntries = 1u << 20;
// Of folders that are read from a disk.
inline constexpr int kMaxFolderDepth = 128;
inline constexpr int kMaxFolderLinks = 4096;  ///< followed; links that cross could name a folder 2^128 times

/// A folder's entries in stored order, and the blocks that hold them.
struct DirectoryListing {
  std::vector<Link> entries;
  std::vector<Cid> nodes;  ///< the folder's own blocks, root first
};
/// Iterative; kLimitExceeded past kMaxDirectoryEntries, kMalformedBlock for HAMTs that break their rules.
Result<DirectoryListing> list_directory(const Cid& directory, const BlockGetter& get);

/// The first entry called `name`, with as few blocks as the folder needs. kNotFound.
Result<Link> find_entry(const Cid& directory, std::string_view name, const BlockGetter& get);

/// Follows the names. kNotFound; symbolic links on the way are kInvalidArgument (they are not followed).
Result<Cid> resolve_path(const ContentPath& path, const BlockGetter& get);

/// Whether a name can be an entry of a folder on disk: not empty, ".", "..", no "/" or NUL, at most 255 bytes.
bool is_safe_name(std::string_view name);

}  // namespace ipfs_accelerate::content
