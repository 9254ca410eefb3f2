// Trustless gateways: what to ask of one, and what its answer means. https://specs.ipfs.tech/http-gateways/trustless-gateway/
#pragma once

#include <optional>
#include <string>

#include "host/host.h"

namespace ipfs_accelerate::fetch {

struct Gateway {
  std::string base;  ///< "https://host:port", no slash at the end
  /// Why it is not asked again by this fetcher: it lied, or it stopped sending once.
  std::optional<Error> given_up{};
};

/// "http://host:port" or "https://host", perhaps with a path below which /ipfs/ lies. kInvalidArgument for anything else:
/// other schemes, users, queries, fragments.
Result<Gateway> parse_gateway(const std::string& url);

/// The request for one block.
host::NetRequest block_request(const Gateway& gateway, const content::Cid& cid);

/// The block's bytes, unverified. kNotFound: it has not got it (a redirect is not followed: it could lead anywhere);
/// kTooManyRequests, kSourceError.
Result<HostBytesRef> block_of(const Gateway& gateway, const content::Cid& cid, host::NetAnswer answer);

}  // namespace ipfs_accelerate::fetch
