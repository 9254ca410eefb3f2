// Blocks: overlay and keep first, then the gateways in order; everything verified by the hash port, and kept.
#include "fetch/fetcher.h"

#include <algorithm>

#include "content/directory.h"
#include "content/unixfs.h"

namespace ipfs_accelerate::fetch {
namespace {

using content::VerifiedBytes;

constexpr double kRetrySeconds = 0.2;
constexpr double kTotalPerStall = 4;             // a trickle is as bad as nothing
constexpr std::size_t kMostNodes = 256;          // remembered
constexpr std::uint64_t kMostNodeBytes = 64u << 10;  // a folder of a thousand files, a file of a gigabyte

bool worth_a_retry(ErrorCode code) { return code == ErrorCode::kSourceError || code == ErrorCode::kUnreachable; }

}  // namespace

Result<> Fetcher::Impl::open_gateways() {
  if (gateways_) return {};
  std::vector<Gateway> opened;
  for (const std::string& url : options.gateways) {
    IA_ASSIGN(Gateway gateway, parse_gateway(url));
    opened.push_back(std::move(gateway));
  }
  gateways_ = std::move(opened);
  return {};
}

void Fetcher::Impl::remember(const VerifiedBytes& block) {
  const bool worth_it = block.cid().codec == content::Codec::kDagPb && block.bytes()->size() <= kMostNodeBytes;
  if (worth_it && nodes_.size() < kMostNodes) nodes_.emplace(block.cid().key(), block);
}

/// Compares bytes with their CIDs, all digests in one request; what does not match gets its damage said.
Async<> Fetcher::Impl::compare(std::vector<Wanted>& wanted, std::vector<std::size_t> which,
                               std::vector<HostBytesRef> bytes) {
  std::vector<host::HashRequest> requests;
  for (std::size_t i = 0; i < which.size(); ++i) requests.push_back({wanted[which[i]].cid.hash.function, bytes[i]});
  const std::vector<content::Digest> digests = co_await host.hash.hash(std::move(requests));
  for (std::size_t i = 0; i < which.size(); ++i) {
    Wanted& block = wanted[which[i]];
    auto verified = content::verify(block.cid, bytes[i], digests[i]);
    if (verified) {
      figures.bytes_verified += bytes[i]->size();
      block.block = *std::move(verified);
      continue;
    }
    block.damage = std::move(verified).error();
    if (const std::string where = bytes[i]->where(); !where.empty()) {
      block.damage->message = where + ": " + block.damage->message;
    }
  }
}

Async<VerifiedBytes> Fetcher::Impl::verified(Cid cid, HostBytesRef bytes) {
  std::vector<Wanted> one(1, Wanted{std::move(cid)});
  std::vector<HostBytesRef> given(1, std::move(bytes));
  co_await compare(one, {0}, std::move(given));
  if (!one[0].block) co_await std::unexpected(*one[0].damage);
  co_return *std::move(one[0].block);
}

/// Overlay and keep. Damaged blocks of the keep are dropped, so that they can come again.
Async<> Fetcher::Impl::read_kept(std::vector<Wanted>& wanted, Stop stop) {
  std::vector<std::size_t> asked, which;
  std::vector<Cid> cids;
  std::vector<HostBytesRef> bytes;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const Cid& cid = wanted[i].cid;
    if (const auto known = nodes_.find(cid.key()); known != nodes_.end() && known->second.cid() == cid) {
      wanted[i].block = known->second;
    } else if (cid.hash.function == content::HashFunction::kIdentity) {
      which.push_back(i);
      bytes.push_back(own_bytes(cid.hash.digest));
    } else if (const auto found = overlay.find(cid.key()); found != overlay.end()) {
      which.push_back(i);
      bytes.push_back(co_await found->second());
    } else {
      asked.push_back(i);
      cids.push_back(cid);
    }
  }
  if (!cids.empty()) {
    const std::vector<HostBytesRef> kept = co_await host.keep.read(cids);
    for (std::size_t i = 0; i < kept.size(); ++i) {
      if (!kept[i]) continue;
      which.push_back(asked[i]);
      bytes.push_back(kept[i]);
    }
  }
  co_await stop.check();
  if (which.empty()) co_return;
  co_await compare(wanted, which, bytes);
  std::vector<Cid> corrupt;
  for (std::size_t i = 0; i < which.size(); ++i) {
    const Wanted& block = wanted[which[i]];
    if (block.block) {
      figures.blocks_kept += 1;
      figures.bytes_kept += bytes[i]->size();
    } else {
      figures.blocks_corrupt += 1;
      corrupt.push_back(block.cid);
    }
  }
  if (!corrupt.empty()) co_await host.keep.forget(corrupt);
}

/// One gateway's block, verified. A gateway that lies or stops sending is given up.
Async<VerifiedBytes> Fetcher::Impl::ask(Gateway& gateway, Cid cid, Stop stop) {
  host::NetRequest request = block_request(gateway, cid);
  request.stall_seconds = options.stall_seconds;
  request.total_seconds = options.stall_seconds * kTotalPerStall;
  request.allow_local = options.allow_local;
  const auto once = [&]() -> Async<HostBytesRef> {
    host::NetAnswer answer = co_await host.net.get(request, stop);
    co_return block_of(gateway, cid, std::move(answer));
  };
  Result<HostBytesRef> bytes = co_await as_result(once());
  if (!bytes && worth_a_retry(bytes.error().code)) {
    co_await host.clock.sleep(kRetrySeconds, stop);
    bytes = co_await as_result(once());
  }
  Result<VerifiedBytes> block = bytes ? co_await as_result(verified(cid, *bytes))
                                      : Result<VerifiedBytes>(std::unexpected(std::move(bytes).error()));
  if (block) {
    figures.blocks_fetched += 1;
    figures.bytes_fetched += block->bytes()->size();
    figures.source = "ipfs";
    co_return *std::move(block);
  }
  Error error = std::move(block).error();
  if (error.code == ErrorCode::kIntegrity || error.code == ErrorCode::kLimitExceeded) {
    error = {ErrorCode::kSourceLied,
             std::format("{} sent wrong bytes and is not asked again: {}", gateway.base, error.message)};
  }
  if (error.code == ErrorCode::kSourceLied || error.code == ErrorCode::kTimeout) gateway.given_up = error;
  co_return std::unexpected(std::move(error));
}

Async<> Fetcher::Impl::fetch(Wanted& wanted, Stop stop) {
  co_await stop.check();
  co_await open_gateways();
  std::optional<Error> worst;
  std::string asked, told;
  const auto note = [&](const Error& error) {
    told += (told.empty() ? "" : "; ") + error.message;
    worst = Error{error.code, told};
  };
  for (Gateway& gateway : *gateways_) {
    if (gateway.given_up) {
      note(*gateway.given_up);
      continue;
    }
    asked += (asked.empty() ? "" : ", ") + gateway.base;
    Result<VerifiedBytes> block = co_await as_result(ask(gateway, wanted.cid, stop));
    if (block) {
      wanted.block = *block;
      co_await keep_block(*std::move(block));
      co_return;
    }
    if (block.error().code == ErrorCode::kCancelled) co_await std::unexpected(block.error());
    if (block.error().code != ErrorCode::kNotFound) note(block.error());
  }
  if (wanted.damage) co_await std::unexpected(*wanted.damage);
  if (worst) co_await std::unexpected(*worst);
  if (asked.empty()) {
    co_await fail(ErrorCode::kNoSource,
                  "block {} is not in the store, and no source was given; add it, or name a gateway that has it",
                  wanted.cid.text());
  }
  co_await fail(ErrorCode::kNoSource, "block {} is neither in the store nor at {}", wanted.cid.text(), asked);
}

/// A full disk costs the next load time, not this one its result.
Async<> Fetcher::Impl::keep_block(VerifiedBytes block) {
  if (figures.quota_exceeded) co_return;
  const Result<> kept = co_await as_result(host.keep.put(std::move(block)));
  if (kept) co_return;
  if (kept.error().code != ErrorCode::kQuotaExceeded) co_await kept;
  figures.quota_exceeded = true;
}

Async<std::vector<VerifiedBytes>> Fetcher::Impl::get_all(std::vector<Cid> cids, std::function<Async<>()> missing,
                                                         Stop stop) {
  const Busy busy(*this);
  co_await stop.check();
  std::vector<Wanted> wanted;
  for (Cid& cid : cids) wanted.push_back({std::move(cid)});
  co_await read_kept(wanted, stop);
  std::vector<std::size_t> left;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!wanted[i].block) left.push_back(i);
  }
  if (!left.empty() && missing) co_await missing();
  co_await for_each_limited(left.size(), kInFlight,
                            [&](std::size_t i) -> Async<> { co_await fetch(wanted[left[i]], stop); });
  std::vector<VerifiedBytes> blocks;
  for (Wanted& block : wanted) {
    remember(*block.block);
    blocks.push_back(*std::move(block.block));
  }
  co_return blocks;
}

Fetcher::Fetcher(host::Host& host, SourceOptions options) : impl_(std::make_unique<Impl>(host, std::move(options))) {}
Fetcher::~Fetcher() = default;
const Figures& Fetcher::figures() const { return impl_->figures; }
void Fetcher::overlay(std::map<std::string, ReadBlock> blocks) { impl_->overlay.merge(std::move(blocks)); }
Async<> Fetcher::keep_block(VerifiedBytes block) { return impl_->keep_block(std::move(block)); }

Async<> Fetcher::flush() {
  const Result<> done = co_await as_result(impl_->host.keep.flush());
  if (done) co_return;
  if (done.error().code != ErrorCode::kQuotaExceeded) co_await done;
  impl_->figures.quota_exceeded = true;
}

Async<VerifiedBytes> Fetcher::get(Cid cid, Stop stop) {
  std::vector<Cid> one(1, std::move(cid));
  std::vector<VerifiedBytes> blocks = co_await impl_->get_all(std::move(one), {}, stop);
  co_return std::move(blocks.front());
}

Async<std::vector<VerifiedBytes>> Fetcher::get_all(std::vector<Cid> cids, Stop stop) {
  return impl_->get_all(std::move(cids), {}, stop);
}

Async<Cid> Fetcher::resolve(std::string path, Stop stop) {
  content::PathWalk walk(co_await content::parse_path(path), false);
  co_await impl_->drive(walk, stop);
  co_return walk.target();
}

Async<std::optional<File>> Fetcher::open(Cid folder, std::string path, Stop stop) {
  content::PathWalk walk(co_await content::parse_path(folder.text() + "/" + path), false);
  const Result<> walked = co_await as_result(impl_->drive(walk, stop));
  if (!walked && walked.error().code == ErrorCode::kNotFound) co_return std::nullopt;
  co_await walked;
  co_return co_await open_file(walk.target(), path, stop);
}

Async<File> Fetcher::open_file(Cid root, std::string name, Stop stop) {
  content::FileWalk walk(std::move(root), content::Leaves::kProbe);
  co_await impl_->drive(walk, stop);
  File file;
  file.fetcher_ = this;
  file.name_ = std::move(name);
  file.state_ = std::make_shared<File::State>();
  file.state_->layout = walk.take();
  co_return file;
}

}  // namespace ipfs_accelerate::fetch
