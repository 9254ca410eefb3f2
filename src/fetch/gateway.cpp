#include "fetch/gateway.h"

#include <algorithm>

namespace ipfs_accelerate::fetch {

Result<Gateway> parse_gateway(const std::string& url) {
  const auto wrong = [&] {
    return fail(ErrorCode::kInvalidArgument, "\"{}\" is no gateway; write it as http://host:port or https://host", url);
  };
  std::string base = url;
  while (base.ends_with('/')) base.pop_back();
  const std::size_t host = base.starts_with("http://") ? 7 : base.starts_with("https://") ? 8 : 0;
  if (host == 0 || base.size() <= host || base.size() > 2048) return wrong();
  const auto plain = [](unsigned char c) { return c > ' ' && c < 0x7f && std::string_view("@?#\\\"<>^`{|}").find(char(c)) == std::string_view::npos; };
  if (!std::ranges::all_of(base, plain) || base[host] == '/' || base[host] == ':') return wrong();
  return Gateway{std::move(base)};
}

host::NetRequest block_request(const Gateway& gateway, const content::Cid& cid) {
  host::NetRequest request;
  request.url = gateway.base + "/ipfs/" + cid.text() + "?format=raw";
  request.accept = "application/vnd.ipld.raw";
  request.max_bytes = content::kMaxBlockBytes;
  return request;
}

Result<HostBytesRef> block_of(const Gateway& gateway, const content::Cid& cid, host::NetAnswer answer) {
  if (answer.status == 200) return std::move(answer.body);
  const int status = answer.status;
  const bool missing = status == 404 || status == 410 || status == 403 || status == 451 || status == 412 ||
                       (status >= 300 && status < 400);
  const ErrorCode code = missing         ? ErrorCode::kNotFound
                         : status == 429 ? ErrorCode::kTooManyRequests
                                         : ErrorCode::kSourceError;
  return fail(code, "{} answered {} for block {}", gateway.base, status, cid.text());
}

}  // namespace ipfs_accelerate::fetch
