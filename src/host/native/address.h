// Which network addresses a source may have.
#pragma once

struct sockaddr;

namespace ipfs_accelerate::host {

/// Whether an address is on the public network: not loopback, private, link-local, shared, multicast or reserved,
/// also when written as an IPv4 address inside an IPv6 one.
bool is_public_address(const sockaddr& address);

}  // namespace ipfs_accelerate::host
