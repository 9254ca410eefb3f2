// dag-pb and UnixFS: reading nodes strictly, writing them as Kubo does.
// https://ipld.io/specs/codecs/dag-pb/spec/  https://specs.ipfs.tech/unixfs/  IPIP-499
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "content/cid.h"

namespace ipfs_accelerate::content {

struct Link {
  Cid cid{};
  std::string name{};
  std::uint64_t tsize = 0;  ///< a hint, never a budget
};
struct DagPbNode {
  std::vector<Link> links{};
  std::optional<Bytes> data{};
};
Result<DagPbNode> decode_dag_pb(ByteView bytes);
Bytes encode_dag_pb(const DagPbNode& node);  ///< links first, empty names written

enum class UnixFsType : std::uint8_t {
  kRaw = 0,
  kDirectory = 1,
  kFile = 2,
  kMetadata = 3,
  kSymlink = 4,
  kHamtShard = 5
};

/// A decoded UnixFS block. A raw-codec block is a file with `data` and no links.
struct UnixFsNode {
  UnixFsType type = UnixFsType::kFile;
  Bytes data{};                              ///< file: inline bytes; symlink: target; HAMT: bitfield
  std::uint64_t file_size = 0;               ///< files: checked to be data + sum of block sizes
  std::vector<std::uint64_t> block_sizes{};  ///< files: one per link
  std::uint64_t fanout = 0;                  ///< HAMT: power of two, multiple of 8, at most 1024
  std::vector<Link> links{};
};
/// kMalformedBlock, kUnsupportedCodec, kLimitExceeded.
Result<UnixFsNode> decode_unixfs(const VerifiedBlock& block);
/// The dag-pb block of a node, as Kubo writes it. Files: file_size and block_sizes must be right.
Bytes encode_unixfs(const UnixFsNode& node);

inline constexpr std::uint64_t kMurmur3 = 0x22;  ///< murmur3-x64-64, the one hash of HAMT folders
inline constexpr std::uint64_t kMaxFanout = 1024;

}  // namespace ipfs_accelerate::content
