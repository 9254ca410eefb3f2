// Trustless gateways: one raw block per request. https://specs.ipfs.tech/http-gateways/trustless-gateway/
#include "fetch/sources.h"

#include <algorithm>

namespace ipfs_accelerate::fetch {
namespace {

constexpr double kRetrySeconds = 0.2;
constexpr double kSlowness = 10;        // a trickle is as bad as nothing: this many stall times for one block
constexpr double kStalledPatience = 4;  // what stalled before gets this part of the time

bool is_plain(char c) { return c > ' ' && c < 0x7f && c != '@' && c != '?' && c != '#' && c != '\\' && c != '"'; }

bool worth_a_retry(ErrorCode code) { return code == ErrorCode::kSourceError || code == ErrorCode::kUnreachable; }

// What a gateway may not give it has not got. A redirect is not followed: it could lead anywhere.
Result<> judge(int status, const std::string& url) {
  if (status == 200) return {};
  const bool missing = status == 404 || status == 410 || status == 403 || status == 451 || status == 412 ||
                       (status >= 300 && status < 400);
  const ErrorCode code = missing         ? ErrorCode::kNotFound
                         : status == 429 ? ErrorCode::kTooManyRequests
                                         : ErrorCode::kSourceError;
  return fail(code, "{} answered {}", url, status);
}

}  // namespace

Result<std::string> parse_gateway(std::string_view url) {
  const std::string_view whole = url;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!url.starts_with(scheme)) continue;
    while (url.ends_with('/')) url.remove_suffix(1);
    const bool has_host = url.size() > scheme.size() && url[scheme.size()] != ':' && url[scheme.size()] != '/';
    if (!has_host || !std::ranges::all_of(url, is_plain)) break;
    return std::string(url);
  }
  return fail(ErrorCode::kInvalidArgument, "\"{}\" is no gateway; write it as http://host:port or https://host",
              whole.substr(0, 200));
}

Sources::Sources(host::Host& host, const SourceOptions& options) : host_(host), options_(options) {
  for (const std::string& url : options.gateways) {
    auto base = parse_gateway(url);
    if (base) {
      sources_.push_back({.base = *std::move(base)});
    } else if (!wrong_) {
      wrong_ = std::move(base).error();
    }
  }
}

std::string Sources::key() const {
  std::string key = std::format("{} {}\n", options_.allow_local, options_.stall_seconds);
  for (const std::string& url : options_.gateways) key += url + "\n";
  for (const Source& source : sources_) key += source.lied ? 'l' : '-';
  return key + "\n";
}

std::vector<Source*> Sources::in_order() {
  std::vector<Source*> order;
  for (Source& source : sources_) order.push_back(&source);
  std::ranges::stable_sort(order, {}, &Source::stalled);
  return order;
}

Async<host::NetAnswer> Sources::get(std::string url, const Source& source, Stop stop) {
  const Turns::Turn turn = co_await requests_.take(stop);
  co_await stop.check();  // it may have come with the turn
  const double stall = source.stalled ? options_.stall_seconds / kStalledPatience : options_.stall_seconds;
  co_return co_await host_.net.get({.url = url,
                                    .accept = "application/vnd.ipld.raw",
                                    .max_bytes = content::kMaxBlockBytes,
                                    .stall_seconds = stall,
                                    .total_seconds = options_.stall_seconds * kSlowness,
                                    .allow_local = options_.allow_local},
                                   stop);
}

Async<HostBytesRef> Sources::ask_once(Source& source, Cid cid, Stop stop) {
  const std::string url = source.base + "/ipfs/" + cid.text() + "?format=raw";
  Result<host::NetAnswer> answer = co_await as_result(get(url, source, stop));
  if (!answer && answer.error().code == ErrorCode::kLimitExceeded) {  // no block is that large
    co_await fail(ErrorCode::kSourceLied, "{} sent more than {} bytes for block {}", source.base,
                  content::kMaxBlockBytes, cid.text());
  }
  if (answer || answer.error().code != ErrorCode::kCancelled) {
    source.stalled = !answer && answer.error().code == ErrorCode::kTimeout;
  }
  const host::NetAnswer given = co_await std::move(answer);
  co_await judge(given.status, url);
  co_return given.body;
}

Async<HostBytesRef> Sources::ask(Source& source, Cid cid, Stop stop) {
  Result<HostBytesRef> bytes = co_await as_result(ask_once(source, cid, stop));
  if (!bytes && worth_a_retry(bytes.error().code)) {
    co_await host_.clock.sleep(kRetrySeconds, stop);
    bytes = co_await as_result(ask_once(source, cid, stop));
  }
  co_return bytes;
}

}  // namespace ipfs_accelerate::fetch
