// File DAGs: building them as Kubo does, and laying an existing one out as leaves at offsets.
#pragma once

#include <functional>
#include <vector>

#include "content/block.h"
#include "content/hash.h"
#include "content/profile.h"
#include "content/unixfs.h"

namespace ipfs_accelerate::content {

/// Takes each block that a builder makes, children before parents.
using BlockSink = std::function<Result<>(const VerifiedBlock&)>;

/// What stands around a chunk of `length` bytes inside a dag-pb leaf. Both empty for raw leaves.
struct LeafEnvelope {
  Bytes before, after;
};
LeafEnvelope leaf_envelope(std::uint64_t length);

/// CID of one chunk as a leaf. The chunk is not copied.
Result<Cid> leaf_cid(const Profile& profile, ByteView chunk);
/// The same for a chunk of `length` bytes that comes in parts.
Result<Cid> leaf_cid(const Profile& profile, std::uint64_t length, const NextPart& next);

/// Builds the inner nodes of one file from its leaves in order: balanced, all leaves at one depth. Memory is bounded
/// by width x depth.
class FileBuilder {
 public:
  FileBuilder(const Profile& profile, BlockSink sink) : profile_(profile), sink_(std::move(sink)) {}
  /// `length`: content bytes of the leaf (chunk_bytes for all but the last; 0 only for an empty file's single leaf).
  Result<> add_leaf(const Cid& cid, std::uint64_t length);
  /// The file's root link; tsize counts all blocks below.
  Result<Link> finish();

 private:
  struct Child {
    Link link;
    std::uint64_t length;  // content bytes below
  };
  Result<Child> pack(std::vector<Child>& level);
  Result<> push(std::size_t level, Child child);
  const Profile& profile_;
  BlockSink sink_;
  std::vector<std::vector<Child>> levels_;
};

/// How a leaf's content bytes relate to its block.
enum class LeafKind : std::uint8_t {
  kRaw = 0,       ///< they are the block
  kWrapped = 1,   ///< the block is leaf_envelope around them
  kEmbedded = 2,  ///< they are the UnixFS data of a block that is kept on its own
};
struct Leaf {
  Cid cid;
  std::uint64_t offset = 0, length = 0;
  LeafKind kind = LeafKind::kRaw;
};
/// A file as leaves in order of offset, and the inner nodes that were read to find them.
struct FileLayout {
  Cid root;
  std::uint64_t size = 0;
  std::vector<Leaf> leaves;
  std::vector<Cid> nodes;  ///< dag-pb blocks that are kept as blocks, root first; embedded leaves' blocks too
};

inline constexpr int kMaxFileDepth = 32;
inline constexpr std::size_t kMaxFileLeaves = 2u << 20;  ///< blocks of one file: 2 TiB at 1 MiB each

/// Layout of the file below `root` (a raw block or a UnixFS file). `is_leaf` may save reading dag-pb leaves: it says
/// that a CID is known to be a wrapped leaf (a wrong yes is found when the leaf is verified). Iterative; kLimitExceeded
/// past kMaxFileDepth or kMaxFileLeaves, kMalformedBlock when sizes do not add up.
Result<FileLayout> layout_file(const Cid& root, const BlockGetter& get,
                               const std::function<bool(const Cid&)>& is_leaf = {});

}  // namespace ipfs_accelerate::content
