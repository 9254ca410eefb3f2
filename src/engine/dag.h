// Walking DAGs block by block: where a path leads, and the blocks a CAR of it carries, in order.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <vector>

#include "content/block.h"
#include "content/unixfs.h"
#include "ipfs_accelerate/ipfs_accelerate.h"

namespace ipfs_accelerate {

/// A path, followed: every block read on the way, the last one being what it names.
struct PathWalk {
  std::vector<content::Cid> blocks;
  std::string type;  ///< "file", "directory", "symlink"
};

/// `path`: "CID" or "CID/a/b". kNotFound when a name or a block is not there.
Result<PathWalk> walk_path(std::string_view path, const content::BlockGetter& get);

/// The blocks of a CAR in depth-first order, found one by one; memory grows with the depth and width, not with the
/// bytes.
class DagWalk {
 public:
  DagWalk(PathWalk path, CarOptions options, content::BlockGetter get);
  /// The next block, or nothing at the end.
  Result<std::optional<content::Block>> next();

 private:
  struct Visit {
    content::Cid cid;
    std::uint64_t offset = 0;  ///< of its first byte in the file
    bool in_path = false;      ///< on the way to the target: none of its links is followed
    bool is_target = false;
    bool in_file = false;  ///< below a file, where entity_bytes applies
    int depth = 0;
  };
  Result<> push_links(const Visit& visit, const content::Block& block);
  Result<> bound_range(const content::UnixFsNode& file);

  CarOptions options_;
  content::BlockGetter get_;
  std::vector<Visit> stack_;
  std::set<std::string> seen_;
  std::uint64_t first_ = 0, last_ = UINT64_MAX;  ///< wanted bytes of the file
};

/// A CARv1 header with one root, and the section of one block. https://ipld.io/specs/transport/car/carv1/
Bytes car_header(const content::Cid& root);
Bytes car_section(const content::Block& block);

}  // namespace ipfs_accelerate
