// A folder in the making: files cut into leaves and hashed by the host, inner nodes and folders by content's builders.
#pragma once

#include <map>

#include "content/directory.h"
#include "fetch/fetch.h"

namespace ipfs_accelerate::fetch {

/// Takes each leaf of a file with its place in it.
using TakeLeaf = std::function<Async<>(content::VerifiedBytes leaf, std::uint64_t offset)>;
/// Bytes [offset, offset + length) of a file.
using ReadPart = std::function<Async<HostBytesRef>(std::uint64_t offset, std::uint64_t length)>;

class FolderBuilder {
 public:
  explicit FolderBuilder(host::Host& host);
  /// `path` is relative, with '/'. kInvalidArgument, kLimitExceeded for paths that no folder can have.
  Async<> add_file(std::string path, std::uint64_t size, ReadPart read, TakeLeaf take, Stop stop);
  Result<> add_folder(const std::string& path);  ///< may stay empty; those of files need not be added
  /// The folder's CID. The blocks that the builders made are in blocks(), those of files in layouts' order before.
  Result<Cid> finish();
  const std::vector<std::pair<Cid, HostBytesRef>>& blocks() const { return blocks_; }

 private:
  struct Folder {
    std::map<std::string, Folder> folders;
    std::vector<content::Link> entries;
  };
  Result<Folder*> place(const std::string& path, std::string& name);
  Result<content::Link> build(Folder& folder);
  content::BlockSink sink();

  host::Host& host_;
  const content::Profile& profile_;
  Folder root_;
  std::vector<std::pair<Cid, HostBytesRef>> blocks_;
};

}  // namespace ipfs_accelerate::fetch
