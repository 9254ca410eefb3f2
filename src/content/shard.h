// HAMT shards: what a folder's walks share.
#pragma once

#include "content/unixfs.h"

namespace ipfs_accelerate::content {

std::unexpected<Error> bad_shard(const Cid& cid, std::string_view what);
/// What is wrong with a node where a folder should be.
std::unexpected<Error> no_directory(const Cid& cid, UnixFsType type);
/// Decodes a block; errors name it.
Result<UnixFsNode> read_unixfs(const VerifiedBlock& block);

int shard_bits(const UnixFsNode& shard);            ///< of the hash that a level takes
std::size_t shard_digits(const UnixFsNode& shard);  ///< hexadecimal ones in front of its names
/// Whether a link's name starts with a bucket of the bitfield: upper-case hex of fixed width.
Result<> check_bucket(const Cid& cid, const UnixFsNode& shard, const Link& link);

}  // namespace ipfs_accelerate::content
