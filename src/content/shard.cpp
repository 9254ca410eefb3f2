// Reading HAMT shards without trusting their names.
#include "content/shard.h"

#include <bit>

namespace ipfs_accelerate::content {

std::unexpected<Error> bad_shard(const Cid& cid, std::string_view what) {
  return fail(ErrorCode::kMalformedBlock, "HAMT shard {}: {}", cid.text(), what);
}

std::unexpected<Error> no_directory(const Cid& cid, UnixFsType type) {
  if (type == UnixFsType::kSymlink) {
    return fail(ErrorCode::kInvalidArgument, "{} is a symbolic link; links are not followed", cid.text());
  }
  return fail(ErrorCode::kNotFound, "{} is a file, not a folder", cid.text());
}

Result<UnixFsNode> read_unixfs(const VerifiedBlock& block) {
  auto node = decode_unixfs(block);
  if (!node) return while_doing(std::move(node).error(), "reading block {}", block.cid().text());
  return node;
}

int shard_bits(const UnixFsNode& shard) { return std::countr_zero(shard.fanout); }
std::size_t shard_digits(const UnixFsNode& shard) { return static_cast<std::size_t>(shard_bits(shard) + 3) / 4; }

Result<> check_bucket(const Cid& cid, const UnixFsNode& shard, const Link& link) {
  const std::size_t digits = shard_digits(shard);
  std::uint64_t bucket = 0;
  if (link.name.size() < digits) return bad_shard(cid, "a link's name is shorter than its prefix");
  for (const char c : std::string_view(link.name).substr(0, digits)) {
    const bool decimal = c >= '0' && c <= '9';
    if (!decimal && (c < 'A' || c > 'F')) return bad_shard(cid, "a link's prefix is no upper-case hex");
    bucket = bucket * 16 + static_cast<std::uint64_t>(decimal ? c - '0' : c - 'A' + 10);
  }
  if (bucket >= shard.fanout) return bad_shard(cid, "a link's prefix is past the fan-out");
  const std::size_t byte = bucket / 8;
  if (byte >= shard.data.size() || (shard.data[shard.data.size() - 1 - byte] >> (bucket % 8) & 1) == 0) {
    return bad_shard(cid, "a link's bucket is not in the bitfield");
  }
  return {};
}

}  // namespace ipfs_accelerate::content
