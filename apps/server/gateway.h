// The trustless gateway: blocks and CARs of what the store holds, for clients that verify them.
// https://specs.ipfs.tech/http-gateways/trustless-gateway/
#pragma once

#include "http.h"

namespace ipfs_accelerate::server {

/// GET, HEAD and OPTIONS of /ipfs/CID[/path]?format=raw|car. The answer to HEAD carries what GET would; the caller
/// drops it.
Response gateway(Engine& engine, const Request& request);

}  // namespace ipfs_accelerate::server
