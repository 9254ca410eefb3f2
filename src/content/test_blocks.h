// Test helpers: blocks in memory, and hex.
#pragma once

#include <unordered_map>

#include "content/block.h"
#include "content/file_dag.h"

namespace ipfs_accelerate::content {

inline Bytes from_hex(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(digit(hex[i]) * 16 + digit(hex[i + 1])));
  }
  return bytes;
}

class MemoryBlocks {
 public:
  BlockSink sink() {
    return [this](const VerifiedBlock& block) -> Result<> {
      blocks_[block.cid().key()] = Bytes(block.bytes().begin(), block.bytes().end());
      return {};
    };
  }
  BlockGetter getter() const {
    return [this](const Cid& cid) -> Result<Block> {
      const auto found = blocks_.find(cid.key());
      if (found == blocks_.end()) return fail(ErrorCode::kNotFound, "no block {}", cid.text());
      return Block::make(cid, found->second);
    };
  }
  /// A block made by hand.
  Cid put(Codec codec, ByteView bytes) {
    const auto block = address(1, codec, bytes);
    (void)sink()(*block);
    return block->cid();
  }

 private:
  std::unordered_map<std::string, Bytes> blocks_;
};

}  // namespace ipfs_accelerate::content
