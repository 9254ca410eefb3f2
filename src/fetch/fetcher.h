// What the parts of Fetcher share.
#pragma once

#include <unordered_map>

#include "base/turns.h"
#include "content/walk.h"
#include "fetch/fetch.h"
#include "fetch/gateway.h"

namespace ipfs_accelerate::fetch {

struct Fetcher::Impl {
  Impl(host::Host& host, SourceOptions options) : host(host), options(std::move(options)) {}

  /// Verified blocks, in the order of `cids`. `missing` is awaited once before the first block is fetched.
  Async<std::vector<content::VerifiedBytes>> get_all(std::vector<Cid> cids, std::function<Async<>()> missing, Stop stop);
  /// Gives a walk its blocks until it needs nothing more.
  template <class Walk>
  Async<> drive(Walk& walk, Stop stop);
  Async<> keep_block(content::VerifiedBytes block);

  host::Host& host;
  const SourceOptions options;
  std::map<std::string, ReadBlock> overlay;
  Figures figures;

 private:
  /// Counts the time in which at least one block is at work.
  class Busy {
   public:
    explicit Busy(Impl& impl) : impl_(impl) {
      if (impl_.busy_++ == 0) impl_.since_ = impl_.host.clock.now();
    }
    Busy(const Busy&) = delete;
    ~Busy() {
      if (--impl_.busy_ == 0) impl_.figures.seconds += impl_.host.clock.now() - impl_.since_;
    }

   private:
    Impl& impl_;
  };
  struct Wanted {
    Cid cid;
    std::optional<content::VerifiedBytes> block{};
    std::optional<Error> damage{};  ///< what was wrong with the kept bytes
  };

  Async<> read_kept(std::vector<Wanted>& wanted, Stop stop);
  Async<> compare(std::vector<Wanted>& wanted, std::vector<std::size_t> which, std::vector<HostBytesRef> bytes);
  Async<> fetch(Wanted& wanted, Stop stop);
  Async<content::VerifiedBytes> ask(Gateway& gateway, Cid cid, Stop stop);
  Async<content::VerifiedBytes> verified(Cid cid, HostBytesRef bytes);
  Result<> open_gateways();
  void remember(const content::VerifiedBytes& block);

  std::optional<std::vector<Gateway>> gateways_;
  std::unordered_map<std::string, content::VerifiedBytes> nodes_;  ///< inner nodes: folders are walked again and again
  int busy_ = 0;
  double since_ = 0;
};

template <class Walk>
Async<> Fetcher::Impl::drive(Walk& walk, Stop stop) {
  for (std::vector<Cid> wanted = walk.needs(); !wanted.empty(); wanted = walk.needs()) {
    const std::vector<content::VerifiedBytes> blocks = co_await get_all(wanted, {}, stop);
    for (const content::VerifiedBytes& block : blocks) {
      const content::Block copy = content::Block::copy_of(block);
      co_await walk.give(copy.verified());
    }
  }
}

}  // namespace ipfs_accelerate::fetch
