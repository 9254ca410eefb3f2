// Walks over DAGs without I/O: needs() names the blocks that a walk wants now, give() takes one of them, in any order.
// A walk is at its end when it needs nothing. Blocks inside identity CIDs are never asked for. Nothing in a block is
// trusted: depth, count and repetition are bounded.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "content/directory.h"
#include "content/file_dag.h"

namespace ipfs_accelerate::content {

/// Gives a walk its blocks from `get` until it needs nothing more.
template <class Walk>
Result<> drive(Walk& walk, const BlockGetter& get) {
  for (std::vector<Cid> wanted = walk.needs(); !wanted.empty(); wanted = walk.needs()) {
    for (const Cid& cid : wanted) {
      IA_ASSIGN(const Block block, get(cid));
      IA_TRY(walk.give(block.verified()));
    }
  }
  return {};
}

/// What a node is in a traversal: its bytes and how they are read. Blocks are stored by their bytes alone.
std::string traversal_key(const Cid& cid);

/// Looks for one name in a folder, flat or sharded (by the name's hash). One block at a time.
class EntryWalk {
 public:
  EntryWalk(Cid directory, std::string name);
  std::vector<Cid> needs() const;
  Result<> give(const VerifiedBlock& block);  ///< kNotFound, kMalformedBlock, kInvalidArgument (a symbolic link)
  const Link& found() const { return *found_; }
  const std::vector<Cid>& blocks() const { return blocks_; }  ///< read on the way: the folder, shards

 private:
  Result<> take(const VerifiedBlock& block);
  Cid directory_, at_;
  std::string name_;
  std::uint64_t hash_, fanout_ = 0;
  int used_ = 0;  // bits of the hash
  std::vector<Cid> blocks_;
  std::optional<Link> found_;
};

/// Follows the names of a path. With `look`, the block that it names is read too, to learn what it is.
class PathWalk {
 public:
  PathWalk(ContentPath path, bool look);
  std::vector<Cid> needs();
  Result<> give(const VerifiedBlock& block);
  const Cid& target() const { return at_; }
  /// Read on the way, the target last.
  const std::vector<Cid>& blocks() const { return blocks_; }
  /// Of the target; nothing when it is no UnixFS block, or was not looked at.
  std::optional<UnixFsType> type() const { return type_; }

 private:
  Result<> begin_name();
  Result<> go_on();
  Result<> look(const VerifiedBlock& block);
  std::vector<std::string> names_;
  std::size_t next_ = 0;
  Cid at_;
  bool look_, done_ = false;
  std::optional<EntryWalk> entry_;
  std::optional<Error> wrong_;  // what the constructor could not say
  std::vector<Cid> blocks_;
  std::optional<UnixFsType> type_;
};

/// Lists a folder whole: all shards that are known at once.
class FolderWalk {
 public:
  explicit FolderWalk(Cid directory);
  std::vector<Cid> needs() const;
  Result<> give(const VerifiedBlock& block);
  DirectoryListing take();  ///< in stored order, whatever the order of the blocks was

 private:
  struct Item {
    Link link{};
    std::size_t shard = 0;  // 0: an entry
  };
  struct Node {
    Cid cid;
    int depth = 0;
    std::vector<Item> items{};
  };
  Result<> take_node(std::size_t index, const UnixFsNode& node);
  Result<> expand_shard(std::size_t index, const UnixFsNode& node);
  Result<> want(std::size_t index);
  std::vector<Node> nodes_;  // the root first
  std::map<Cid, std::vector<std::size_t>> waiting_;
  std::uint64_t fanout_ = 0;
  std::size_t count_ = 0;
};

/// How a file's layout treats dag-pb blocks that may be leaves.
enum class Leaves : std::uint8_t {
  kRead,   ///< each is read
  kProbe,  ///< where the first and the last of a level are leaves, so are those between; a reader must check each
};

/// Lays a file out, level by level.
class FileWalk {
 public:
  /// `is_leaf`: see layout_file().
  explicit FileWalk(Cid root, Leaves leaves = Leaves::kRead, std::function<bool(const Cid&)> is_leaf = {});
  std::vector<Cid> needs() const;
  Result<> give(const VerifiedBlock& block);
  FileLayout take();

 private:
  struct Step {
    Cid cid;
    std::uint64_t offset = 0, length = 0;
  };
  Result<> give_root(const VerifiedBlock& block);
  Result<> take_node(const VerifiedBlock& block, const UnixFsNode& node, const Step& step);
  Result<> add_children(const UnixFsNode& node, const Step& step);
  Result<> add_leaf(const Step& step, std::uint64_t length, LeafKind kind);
  Result<> next_level();
  Result<> end_level();
  Result<> count(std::size_t blocks);
  bool probing() const { return probes_left_ > 0; }
  Result<> assume_leaves();

  Leaves leaves_;
  std::function<bool(const Cid&)> is_leaf_;
  FileLayout layout_;
  bool has_root_ = false;
  int depth_ = 0;
  std::map<Cid, std::vector<Step>> waiting_;  // this level's
  std::vector<Step> below_;                   // the next level's
  std::vector<Cid> probes_;
  std::size_t probes_left_ = 0;
  bool probes_are_leaves_ = true;
  std::uint64_t probed_length_ = 0;
  std::size_t seen_ = 0;
};

/// Every block below a root, each (bytes and codec) once.
class DagWalk {
 public:
  explicit DagWalk(Cid root);
  std::vector<Cid> needs() const;
  /// A block, whose links are followed unless `follow` is false. Blocks without links need not be given: pass().
  Result<> give(const VerifiedBlock& block, bool follow = true);
  void pass(const Cid& cid) { waiting_.erase(cid); }

 private:
  Result<> add(const Cid& cid);
  Cid root_;
  std::set<Cid> waiting_;
  std::unordered_set<std::string> seen_;
  std::optional<Error> wrong_;
};

/// Which blocks of a path a CAR carries: the last one; what it takes to read the file or list the folder; everything
/// below. https://specs.ipfs.tech/http-gateways/trustless-gateway/
struct CarSelection {
  enum class Scope : std::uint8_t { kBlock, kEntity, kAll };
  Scope scope = Scope::kAll;
  /// Only the blocks with these bytes of a file: first and last, negative ones counted from the end.
  std::optional<std::pair<std::int64_t, std::optional<std::int64_t>>> entity_bytes{};
  bool duplicates = false;  ///< repeat a block each time it is met
};

/// The blocks of a CAR in depth-first order, one at a time. Memory grows with depth and width, not with the bytes.
class CarWalk {
 public:
  /// `path`: the blocks from the root to the target, which is the last.
  CarWalk(const std::vector<Cid>& path, CarSelection selection);
  std::vector<Cid> needs() const;
  /// The block that is needed. emits(): whether it belongs into the archive; some are read again for their links alone.
  Result<> give(const VerifiedBlock& block);
  bool emits() const { return emits_; }

 private:
  struct Visit {
    Cid cid;
    std::uint64_t offset = 0;  // of its first byte in the file
    std::uint64_t length = 0;  // of its bytes in the file
    bool in_path = false;      // on the way to the target: none of its links is followed
    bool is_target = false, in_file = false, emit = true;
    int depth = 0;
  };
  void skip_seen();
  bool is_whole(const Visit& visit) const;
  Result<> push_links(const Visit& visit, const VerifiedBlock& block);
  Result<> push_file(const Visit& visit, const UnixFsNode& node);
  void bound_range(const UnixFsNode& file);
  CarSelection selection_;
  std::vector<Visit> stack_;
  std::unordered_map<std::string, bool> seen_;   // whether all below was taken
  std::uint64_t first_ = 0, last_ = UINT64_MAX;  // wanted bytes of the file
  bool emits_ = false;
};

}  // namespace ipfs_accelerate::content
