// The pack: small blocks one after another in a file, and an index that finds them by multihash.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <unordered_map>

#include "content/block.h"
#include "store/os.h"

namespace ipfs_accelerate::store {

/// Not thread-safe. `<folder>/current` names the generation N; N.blocks holds records (header, digest, bytes) and is
/// only appended to, N.index gets an entry for a record after its bytes are on disk. Records past the index's end are
/// found again when the pack is opened for writing; a torn one is cut off.
class Pack {
 public:
  static Result<Pack> open(const fs::path& folder, bool writable);

  bool has(const std::string& key) const { return index_.contains(key); }
  /// Bytes of a block, nothing when it is not here.
  std::optional<std::uint32_t> length(const std::string& key) const;
  /// kNotFound; kIntegrity names the pack file and offset.
  Result<content::Block> get(const content::Cid& cid) const;
  /// Nothing happens when it is here already; true when it was new. Visible at once, durable after flush().
  Result<bool> put(const content::VerifiedBlock& block);
  /// A block that turned out damaged: as if it was never here, so that put() writes it anew.
  void forget(const std::string& key);
  Result<> flush();
  /// Picks up what another process wrote. True when there was something.
  Result<bool> refresh();
  /// Keeps only these blocks; returns the bytes freed.
  Result<std::uint64_t> keep(const std::function<bool(const std::string& key)>& wanted, std::uint64_t& dropped);

  std::uint64_t count() const { return index_.size(); }
  std::uint64_t bytes() const { return bytes_; }

 private:
  struct Place {
    std::uint64_t offset = 0;  // of the block's bytes
    std::uint32_t length = 0;
  };
  Result<> load();
  Result<> load_index();
  Result<> recover_tail();
  Result<std::optional<std::uint64_t>> recover_record(std::uint64_t at, std::uint64_t end);
  Result<> write_buffer();
  void add(std::string key, Place place);

  fs::path folder_;
  bool writable_ = false;
  std::uint64_t generation_ = 0;
  File blocks_, index_file_;
  std::unordered_map<std::string, Place> index_;
  std::uint64_t bytes_ = 0;
  std::uint64_t indexed_end_ = 0;  // of the last record in the index file
  std::uint64_t index_size_ = 0;   // bytes of the index file that were read or written
  std::uint64_t written_ = 0;      // bytes of the blocks file
  Bytes buffer_;                   // what follows them
  Bytes index_buffer_;             // entries of records that are not synced yet
};

}  // namespace ipfs_accelerate::store
