// The native keep: blocks of the store. Reading takes no lock; writing takes the store's for one batch of blocks, never
// while anybody waits for a source.
#pragma once

#include <map>
#include <set>
#include <string>

#include "host/host.h"
#include "host/native/lane.h"
#include "host/native/library.h"

namespace ipfs_accelerate::host {

class NativeKeep final : public Keep {
 public:
  NativeKeep(Library& library, Loop& loop) : library_(library), lane_(loop) {}
  std::string kind() const override { return "store"; }
  Async<std::vector<bool>> has(std::vector<content::Cid> cids) override;
  Async<std::vector<HostBytesRef>> read(std::vector<content::Cid> cids) override;
  Async<> begin_file(content::FileLayout layout) override;
  Async<> put(content::VerifiedBytes block) override;
  Async<> flush() override;
  Async<> forget(std::vector<content::Cid> cids) override;

 private:
  /// What waits for the next batch, in order: a block, or a file whose leaves are to come.
  struct Pending {
    std::optional<content::VerifiedBytes> block;
    std::optional<content::FileLayout> file;
  };
  Result<> write_pending();

  Library& library_;
  std::vector<Pending> pending_;                   ///< of the lane
  std::map<std::string, HostBytesRef> unwritten_;  ///< of the lane: pending blocks by key
  std::set<std::string> damaged_;                  ///< of the lane: keys of blocks to be replaced
  std::uint64_t pending_bytes_ = 0;
  Lane lane_;
};

}  // namespace ipfs_accelerate::host
