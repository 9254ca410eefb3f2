// A verified block that owns its bytes, and where walkers get blocks from.
#pragma once

#include <functional>
#include <optional>

#include "content/cid.h"

namespace ipfs_accelerate::content {

/// A verified block together with its bytes. Movable; the bytes stay where they are.
class Block {
 public:
  /// Takes `bytes` when they match `cid`: kIntegrity, kLimitExceeded, kUnsupportedHash as verify().
  static Result<Block> make(const Cid& cid, Bytes bytes);
  /// The same bytes, where they can be decoded.
  static Block copy_of(const VerifiedBytes& verified);
  /// The same bytes where they lie, when they can be addressed; lives as long as they do.
  static std::optional<VerifiedBlock> view_of(const VerifiedBytes& verified);
  /// The block inside an identity CID.
  static Result<Block> from_identity(const Cid& cid);

  Block(Block&&) = default;
  Block& operator=(Block&&) = default;

  const Cid& cid() const { return verified_.cid(); }
  ByteView bytes() const { return bytes_; }
  const VerifiedBlock& verified() const { return verified_; }

 private:
  Block(Bytes bytes, VerifiedBlock verified) : bytes_(std::move(bytes)), verified_(std::move(verified)) {}
  Bytes bytes_;
  VerifiedBlock verified_;  // its view points into bytes_, whose storage does not move with the object
};

/// Where a walker gets its blocks: a store, a CAR file, the network. kNotFound when it has not got the block.
using BlockGetter = std::function<Result<Block>(const Cid&)>;

}  // namespace ipfs_accelerate::content
