// What the fetcher's files share.
#pragma once

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "content/walk.h"
#include "fetch/sources.h"
#include "fetch/underway.h"

namespace ipfs_accelerate::fetch {

using content::Block;
using content::VerifiedBlock;
using content::VerifiedBytes;

/// A block that is not here, or damaged.
struct Wanted {
  Cid cid;
  std::string damage;  ///< where bytes lie that did not match; empty: it is not here
  bool keep = true;    ///< what comes is to be kept
  std::string key() const { return std::format("{} {} {}", cid.text(), damage.empty() ? "new" : "mended", keep); }
};
/// From the first source that sends the right bytes, and into the keep. Stands on nothing of its fetcher's but
/// `sources`.
Async<Arrived> bring(host::Host& host, std::shared_ptr<Sources> sources, Wanted wanted, Stop stop);
Async<std::vector<Result<VerifiedBytes>>> verify_all(host::Host& host, std::vector<Cid> cids,
                                                     std::vector<HostBytesRef> bytes);

struct File::State {
  content::FileLayout layout;
  bool begun = false;                   ///< the keep was told of it
  std::optional<VerifiedBytes> only{};  ///< a file of one block was read to learn its size
};

struct Fetcher::Impl {
  Impl(host::Host& host, const SourceOptions& options, std::shared_ptr<Underway> underway)
      : host(host), sources(std::make_shared<Sources>(host, options)), underway(std::move(underway)) {}

  /// Verified bytes of many blocks, in order: held, local, kept, or from the sources. `file`: whose leaves they are.
  Async<std::vector<VerifiedBytes>> get(std::vector<Cid> cids, std::shared_ptr<File::State> file, Stop stop);
  /// Gives a walk its blocks; `last` gets the last one.
  template <class Walk>
  Async<> drive(Walk& walk, Stop stop, std::optional<VerifiedBytes>* last = nullptr);
  Async<> flush();
  Async<> add(VerifiedBytes block);
  Async<std::vector<Result<VerifiedBytes>>> verify(std::vector<Cid> cids, std::vector<HostBytesRef> bytes);

  host::Host& host;
  std::shared_ptr<Sources> sources;
  std::shared_ptr<Underway> underway;
  std::vector<std::shared_ptr<LocalBlocks>> locals;
  Figures figures;

 private:
  struct Batch;  // the blocks of one get()
  Async<> fill(Batch& batch, std::shared_ptr<File::State> file, Stop stop);
  void recall(Batch& batch);
  Async<> read_local(Batch& batch);
  Async<> read_kept(Batch& batch);
  Async<> begin_file(std::shared_ptr<File::State> file);
  Async<VerifiedBytes> fetch(Cid cid, std::string damage, Stop stop);
  Async<> put(VerifiedBytes block);
  Result<> note_room(Result<> written);  // no room costs later speed, not this load
  void remember(const VerifiedBytes& block);
  bool first_time(const Cid& cid) { return counted_.insert(cid.key()).second; }

  std::unordered_map<std::string, VerifiedBytes> held_;  // nodes, which are read often; imports without room
  std::uint64_t held_bytes_ = 0;
  std::unordered_map<std::string, content::RememberedBytes> remembered_;
  std::size_t sweep_at_ = 1024;
  std::unordered_set<std::string> counted_;  // reading a block again is no second hit
  int busy_ = 0;
  double since_ = 0;
};

/// Hands a block to `use` where it lies, or a copy of it.
template <class Use>
auto with_block(const VerifiedBytes& bytes, Use&& use) {
  if (const auto view = Block::view_of(bytes)) return use(*view);
  const Block copy = Block::copy_of(bytes);
  return use(copy.verified());
}

template <class Walk>
Async<> Fetcher::Impl::drive(Walk& walk, Stop stop, std::optional<VerifiedBytes>* last) {
  for (std::vector<Cid> wanted = walk.needs(); !wanted.empty(); wanted = walk.needs()) {
    for (std::size_t at = 0; at < wanted.size(); at += kInFlight) {
      const auto end = wanted.begin() + static_cast<std::ptrdiff_t>(std::min(at + kInFlight, wanted.size()));
      std::vector<Cid> some(wanted.begin() + static_cast<std::ptrdiff_t>(at), end);
      const std::vector<VerifiedBytes> blocks = co_await get(std::move(some), nullptr, stop);
      for (const VerifiedBytes& bytes : blocks) {
        co_await with_block(bytes, [&](const VerifiedBlock& block) { return walk.give(block); });
        if (last != nullptr) *last = bytes;
      }
    }
  }
}

}  // namespace ipfs_accelerate::fetch
