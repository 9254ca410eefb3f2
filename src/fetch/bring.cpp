// One block from the sources: asked in order, verified, kept.
#include "fetch/impl.h"

namespace ipfs_accelerate::fetch {
namespace {

std::unexpected<Error> nobody_has(const host::Host& host, const Wanted& wanted, const std::string& asked) {
  const std::string place = host.keep.kind() == "store" ? "the store" : "the cache";
  const std::string cid = wanted.cid.text();
  if (!wanted.damage.empty()) {
    return fail(ErrorCode::kIntegrity, "block {} does not match its CID ({}), and {}; add it again, or name a gateway",
                cid, wanted.damage, asked.empty() ? "no source was given" : "it is not at " + asked);
  }
  if (asked.empty()) {
    return fail(ErrorCode::kNoSource,
                "block {} is not in {}, and no source was given; add it, or name a gateway that has it", cid, place);
  }
  return fail(ErrorCode::kNoSource, "block {} is neither in {} nor at {}", cid, place, asked);
}

Async<Arrived> bring_from(host::Host& host, Sources& sources, Source& source, const Wanted& wanted, Stop stop) {
  const HostBytesRef bytes = co_await sources.ask(source, wanted.cid, stop);
  const auto verified = co_await verify_all(host, {wanted.cid}, {bytes});
  if (!verified[0]) {
    source.lied = true;
    source.lie = std::format("{}: {}", source.base, verified[0].error().message);
    co_await fail(ErrorCode::kSourceLied, "{}", source.lie);
  }
  // Damaged bytes stay until good ones are here: they are evidence, and nothing is lost by waiting.
  if (!wanted.damage.empty()) co_await host.keep.forget(std::vector<Cid>(1, wanted.cid));
  Arrived arrived{*verified[0]};
  if (!wanted.keep) co_return arrived;
  const Result<> kept = co_await as_result(host.keep.put(arrived.block));
  arrived.had_room = kept || kept.error().code != ErrorCode::kQuotaExceeded;
  if (arrived.had_room) co_await kept;
  co_return arrived;
}

}  // namespace

Async<std::vector<Result<VerifiedBytes>>> verify_all(host::Host& host, std::vector<Cid> cids,
                                                     std::vector<HostBytesRef> bytes) {
  std::vector<host::HashRequest> requests;
  for (std::size_t i = 0; i < cids.size(); ++i) requests.push_back({cids[i].hash.function, bytes[i]});
  const std::vector<content::Digest> digests = co_await host.hash.hash(std::move(requests));
  std::vector<Result<VerifiedBytes>> verified;
  for (std::size_t i = 0; i < cids.size(); ++i) verified.push_back(content::verify(cids[i], bytes[i], digests[i]));
  co_return verified;
}

Async<Arrived> bring(host::Host& host, std::shared_ptr<Sources> sources, Wanted wanted, Stop stop) {
  co_await sources->check();
  std::optional<Error> last;
  std::string asked, problems;
  for (Source* const source : sources->in_order()) {
    asked += (asked.empty() ? "" : ", ") + source->base;
    Result<Arrived> arrived = source->lied ? Result<Arrived>(fail(ErrorCode::kSourceLied, "{}", source->lie))
                                           : co_await as_result(bring_from(host, *sources, *source, wanted, stop));
    if (arrived) co_return arrived;
    if (arrived.error().code == ErrorCode::kCancelled) co_await std::unexpected(arrived.error());
    if (arrived.error().code == ErrorCode::kNotFound) continue;
    problems += (problems.empty() ? "" : "; ") + arrived.error().message;
    last = std::move(arrived).error();
  }
  if (!last) co_await nobody_has(host, wanted, asked);
  last->message = std::format("block {} could not be fetched: {}", wanted.cid.text(), problems);
  co_return std::unexpected(*std::move(last));
}

}  // namespace ipfs_accelerate::fetch
