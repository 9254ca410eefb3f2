// Fetching by CID: sources, and the one get() that verifies whatever they send.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "content/block.h"
#include "store/store.h"

namespace ipfs_accelerate::fetch {

using content::Block;
using content::Cid;

/// Where a block may come from. get() returns bytes that nobody has verified yet. Called from several threads.
class Source {
 public:
  virtual ~Source() = default;
  /// "cache", "ipfs" or "p2p": the words of RunResult::ipfs_source.
  virtual std::string_view kind() const = 0;
  /// For messages: an address, "store".
  virtual std::string name() const = 0;
  /// kNotFound: it has not got the block. kUnreachable, kTimeout, kSourceError, kForbiddenAddress, kLimitExceeded
  /// (more than kMaxBlockBytes), kCancelled.
  virtual Result<Bytes> get(const Cid& cid, std::stop_token cancel) = 0;
};

struct GatewayOptions {
  bool allow_local = false;  ///< addresses that are loopback, private or link-local
  std::chrono::milliseconds connect_timeout{5000};
  std::chrono::milliseconds stall_timeout{30000};  ///< no byte for this long
};
/// A trustless gateway, "http://host:port" or "https://host". kInvalidArgument for other URLs.
Result<std::shared_ptr<Source>> gateway(std::string_view url, const GatewayOptions& options = {});

/// Another store as a source, "cache".
std::shared_ptr<Source> store_source(std::shared_ptr<store::Store> store);

/// What one source did. Bytes are counted as they arrive, verified or not.
struct SourceStats {
  std::string name, kind;
  std::uint64_t blocks = 0, bytes = 0;  ///< verified
  std::uint64_t wasted_bytes = 0;       ///< arrived and thrown away
  std::uint64_t missing = 0;            ///< "has not got it"
  std::uint64_t errors = 0;
  bool banned = false;  ///< it lied: not asked again
  std::string last_error;
};

struct FetchOptions {
  store::ProgressCallback progress{};
  std::stop_token cancel{};
  bool pin = true;  ///< from the start, so that nothing collects it half-way
};
struct Fetched {
  std::uint64_t bytes = 0, blocks = 0;  ///< that came from a source now
  std::uint64_t cached_bytes = 0;       ///< that were in the store before
  std::vector<SourceStats> sources;     ///< since the fetcher was made
};

inline constexpr int kInFlight = 16;

/// Gets blocks from the store first, then from the sources in order; verifies; keeps what came in the store.
class Fetcher {
 public:
  Fetcher(std::shared_ptr<store::Store> store, std::vector<std::shared_ptr<Source>> sources);
  ~Fetcher();
  /// One block. kNoSource when nobody has it (or there is no source), kSourceLied when the bytes are wrong and no
  /// other source is left, otherwise the last source's error.
  Result<Block> get(const Cid& cid, std::stop_token cancel = {});
  /// One file into the store; what is there already is not fetched again.
  Result<Fetched> fetch_file(const Cid& cid, const FetchOptions& options = {});
  /// A file or a folder and everything below it.
  Result<Fetched> fetch_dag(const Cid& cid, const FetchOptions& options = {});
  std::vector<SourceStats> stats() const;

  struct Impl;  ///< for the fetcher's own file

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace ipfs_accelerate::fetch
