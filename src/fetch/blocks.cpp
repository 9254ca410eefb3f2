// The one way to bytes by CID: held, local, kept, then the sources; verified every time, kept only when verified.
#include <algorithm>

#include "fetch/impl.h"

namespace ipfs_accelerate::fetch {
namespace {

constexpr std::uint64_t kHeldBytes = 16u << 20;   // of nodes
constexpr std::uint64_t kNodeBytes = 128u << 10;  // 1024 links fit; larger ones are leaves

}  // namespace

// Each block once; `places` leads from what was asked for to it.
struct Fetcher::Impl::Batch {
  std::vector<Cid> cids;
  std::vector<std::size_t> places;
  std::vector<std::optional<VerifiedBytes>> blocks;
  std::vector<std::string> damage;  // where bytes lie that did not match

  explicit Batch(const std::vector<Cid>& wanted) {
    std::unordered_map<std::string, std::size_t> known;
    for (const Cid& cid : wanted) {
      const auto [place, fresh] = known.try_emplace(content::traversal_key(cid), cids.size());
      if (fresh) cids.push_back(cid);
      places.push_back(place->second);
    }
    blocks.resize(cids.size());
    damage.resize(cids.size());
  }
  std::vector<std::size_t> missing() const {
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      if (!blocks[i]) open.push_back(i);
    }
    return open;
  }
};

Async<std::vector<VerifiedBytes>> Fetcher::Impl::get(std::vector<Cid> cids, std::shared_ptr<File::State> file,
                                                     Stop stop) {
  co_await stop.check();
  Batch batch(cids);
  if (busy_++ == 0) since_ = host.clock.now();
  const Result<> filled = co_await as_result(fill(batch, std::move(file), stop));
  if (--busy_ == 0) figures.seconds += host.clock.now() - since_;
  co_await filled;
  std::vector<VerifiedBytes> blocks;
  for (const std::size_t place : batch.places) blocks.push_back(*batch.blocks[place]);
  co_return blocks;
}

Async<> Fetcher::Impl::fill(Batch& batch, std::shared_ptr<File::State> file, Stop stop) {
  recall(batch);
  co_await read_local(batch);
  co_await read_kept(batch);
  const std::vector<std::size_t> missing = batch.missing();
  if (missing.empty()) co_return;
  if (file) co_await begin_file(std::move(file));
  const auto one = [this, &batch, &missing, stop](std::size_t i) -> Async<> {
    const std::size_t index = missing[i];
    batch.blocks[index] = co_await fetch(batch.cids[index], batch.damage[index], stop);
    remember(*batch.blocks[index]);
  };
  co_await for_each_limited(missing.size(), kInFlight, one);
}

void Fetcher::Impl::recall(Batch& batch) {
  for (std::size_t i = 0; i < batch.cids.size(); ++i) {
    const auto known = remembered_.find(batch.cids[i].key());
    if (known != remembered_.end()) batch.blocks[i] = known->second.recall(batch.cids[i]);
  }
}

// Blocks inside their CIDs too.
Async<> Fetcher::Impl::read_local(Batch& batch) {
  std::vector<std::size_t> places;
  std::vector<Cid> cids;
  std::vector<HostBytesRef> bytes;
  for (const std::size_t i : batch.missing()) {
    const Cid& cid = batch.cids[i];
    HostBytesRef found;
    if (cid.hash.function == content::HashFunction::kIdentity) found = own_bytes(cid.hash.digest);
    for (std::size_t l = 0; l < locals.size() && !found; ++l) found = co_await locals[l]->read(cid);
    if (!found) continue;
    places.push_back(i);
    cids.push_back(cid);
    bytes.push_back(std::move(found));
  }
  if (cids.empty()) co_return;
  auto verified = co_await verify(cids, bytes);
  for (std::size_t i = 0; i < verified.size(); ++i) {
    if (!verified[i]) {
      const std::string where = bytes[i]->where();
      co_await while_doing(std::move(verified[i]).error(), "reading {} again (was the file changed? load it anew)",
                           where.empty() ? "a local file" : where);
    }
    batch.blocks[places[i]] = *std::move(verified[i]);
    remember(*batch.blocks[places[i]]);
  }
}

Async<> Fetcher::Impl::read_kept(Batch& batch) {
  std::vector<std::size_t> places = batch.missing();
  if (places.empty()) co_return;
  std::vector<Cid> cids;
  for (const std::size_t i : places) cids.push_back(batch.cids[i]);
  std::vector<HostBytesRef> bytes = co_await host.keep.read(cids);
  for (std::size_t i = cids.size(); i-- > 0;) {
    if (bytes[i]) continue;
    places.erase(places.begin() + static_cast<std::ptrdiff_t>(i));
    cids.erase(cids.begin() + static_cast<std::ptrdiff_t>(i));
    bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(i));
  }
  if (cids.empty()) co_return;
  auto verified = co_await verify(cids, bytes);
  std::size_t corrupt = 0;
  for (std::size_t i = 0; i < verified.size(); ++i) {
    if (!verified[i]) {
      const std::string where = bytes[i]->where();
      batch.damage[places[i]] = where.empty() ? "what was kept" : where;
      ++corrupt;
      continue;
    }
    if (first_time(cids[i])) {
      ++figures.blocks_kept;
      figures.bytes_kept += bytes[i]->size();
    }
    batch.blocks[places[i]] = *std::move(verified[i]);
    remember(*batch.blocks[places[i]]);
  }
  figures.blocks_corrupt += corrupt;
}

Async<std::vector<Result<VerifiedBytes>>> Fetcher::Impl::verify(std::vector<Cid> cids,
                                                                std::vector<HostBytesRef> bytes) {
  std::vector<Result<VerifiedBytes>> verified = co_await verify_all(host, std::move(cids), bytes);
  for (std::size_t i = 0; i < verified.size(); ++i) {
    if (verified[i]) figures.bytes_verified += bytes[i]->size();
  }
  co_return verified;
}

// The keep makes room for the file before the first of its leaves comes.
Async<> Fetcher::Impl::begin_file(std::shared_ptr<File::State> file) {
  if (file->begun || file->layout.leaves.size() <= 1 || figures.quota_exceeded) co_return;
  file->begun = true;
  co_await note_room(co_await as_result(host.keep.begin_file(file->layout)));
}

Async<VerifiedBytes> Fetcher::Impl::fetch(Cid cid, std::string damage, Stop stop) {
  Wanted wanted{std::move(cid), std::move(damage), !figures.quota_exceeded};
  const std::string key = sources->key() + wanted.key();
  const auto begin = [this, &wanted](Stop stop) { return bring(host, sources, wanted, std::move(stop)); };
  const Arrived arrived = co_await Underway::join(underway, key, begin, std::move(stop));
  const std::uint64_t size = arrived.block.bytes()->size();
  figures.bytes_verified += size;
  if (first_time(wanted.cid)) {
    ++figures.blocks_fetched;
    figures.bytes_fetched += size;
    figures.source = "ipfs";
  }
  if (!arrived.had_room) figures.quota_exceeded = true;
  co_return arrived.block;
}

Result<> Fetcher::Impl::note_room(Result<> written) {
  if (written || written.error().code != ErrorCode::kQuotaExceeded) return written;
  figures.quota_exceeded = true;
  return {};
}

Async<> Fetcher::Impl::put(VerifiedBytes block) {
  if (figures.quota_exceeded) co_return;
  co_await note_room(co_await as_result(host.keep.put(std::move(block))));
}

Async<> Fetcher::Impl::flush() { co_await note_room(co_await as_result(host.keep.flush())); }

Async<> Fetcher::Impl::add(VerifiedBytes block) {
  if (first_time(block.cid())) {
    ++figures.blocks_fetched;
    figures.bytes_fetched += block.bytes()->size();
  }
  co_await put(block);
  remember(block);
  if (figures.quota_exceeded) held_.insert_or_assign(block.cid().key(), std::move(block));
}

void Fetcher::Impl::remember(const VerifiedBytes& block) {
  const std::string key = block.cid().key();
  remembered_.insert_or_assign(key, content::RememberedBytes(block));
  const std::uint64_t size = block.bytes()->size();
  const bool node = block.cid().codec == content::Codec::kDagPb && size <= kNodeBytes;
  if (node && held_bytes_ + size <= kHeldBytes && held_.insert_or_assign(key, block).second) held_bytes_ += size;
  if (remembered_.size() < sweep_at_) return;
  std::erase_if(remembered_, [](const auto& entry) { return entry.second.expired(); });
  sweep_at_ = std::max<std::size_t>(1024, 2 * remembered_.size());
}

}  // namespace ipfs_accelerate::fetch
