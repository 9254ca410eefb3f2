// The server: the page, a read-only gateway for the store, and limits on what a client may take.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "ipfs_accelerate/ipfs_accelerate.h"

namespace ipfs_accelerate::server {

struct Options {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8080;       ///< 0: any free one
  std::filesystem::path web;       ///< the built page; empty: none
  std::vector<std::string> hosts;  ///< further names this server answers to
  std::size_t max_connections = 256;
  std::uint32_t max_header_bytes = 16 * 1024;
  std::chrono::seconds read_timeout{15};   ///< for a whole request to arrive, idle time before it included
  std::chrono::seconds write_timeout{30};  ///< for each piece of an answer to leave
};

/// Serves until SIGINT or SIGTERM. `ready` gets the URL once connections are accepted. kIo when the address is taken.
Result<> serve(Engine& engine, const Options& options, const std::function<void(const std::string& url)>& ready);

}  // namespace ipfs_accelerate::server
