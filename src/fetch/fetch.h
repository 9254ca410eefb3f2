// Fetching by CID, portable: what is kept first, then the sources in order; whatever they send is verified, and kept.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "content/block.h"
#include "content/file_dag.h"
#include "host/host.h"

namespace ipfs_accelerate::fetch {

using content::Cid;

struct SourceOptions {
  std::vector<std::string> gateways;  ///< trustless gateways, "http://host:port" or "https://host[/path]"
  bool allow_local = false;           ///< gateways at loopback, private and link-local addresses
  double stall_seconds = 30;          ///< without a byte, after which a gateway is given up for this block
};

/// What was read from where; all counted, none assumed.
struct Figures {
  std::uint64_t blocks_kept = 0, bytes_kept = 0;        ///< that were here
  std::uint64_t blocks_fetched = 0, bytes_fetched = 0;  ///< that a source sent now
  std::uint64_t bytes_verified = 0;
  std::uint64_t blocks_corrupt = 0;  ///< kept blocks that no longer matched; replaced as soon as good ones came
  bool quota_exceeded = false;       ///< there was no room to keep a block
  double seconds = 0;                ///< in which at least one block was being read, fetched or verified
  std::string source = "cache";      ///< "cache", or the kind of the source that sent most bytes: "ipfs"
};

/// Bytes [begin, end) of a file.
struct Range {
  std::uint64_t begin = 0, end = 0;
};

class Fetcher;

/// A file as verified leaves. Lives no longer than its fetcher.
class File {
 public:
  const std::string& name() const { return name_; }
  std::uint64_t size() const { return layout().size; }
  const content::FileLayout& layout() const;
  /// Verified bytes. kLimitExceeded past the end.
  Async<BytesView> read(Range range, Stop stop) const;
  /// Hands out every range, in order, reading ahead of it (at most kInFlight leaves); a leaf that several ranges share
  /// is read once. `take` gets the range's number and its bytes, which live until it ends.
  Async<> read_in_order(std::vector<Range> ranges, std::function<Async<>(std::size_t, ByteView)> take, Stop stop) const;
  /// Bytes of the distinct leaves that these ranges lie in: what reading them will move.
  std::uint64_t bytes_touched(const std::vector<Range>& ranges) const;

 private:
  friend class Fetcher;
  struct State;
  Fetcher* fetcher_ = nullptr;
  std::string name_;
  std::shared_ptr<State> state_;  ///< copies share it
};

inline constexpr std::size_t kInFlight = 16;

/// Blocks of an import that lie in the user's own files: asked before anything else.
class LocalBlocks {
 public:
  virtual ~LocalBlocks() = default;
  /// Not verified; null when it has not got the block.
  virtual Async<HostBytesRef> read(Cid cid) = 0;
};

class Underway;

/// One load's way to bytes. Belongs to the executor's thread.
class Fetcher {
 public:
  /// Fetchers with the same `underway` that want one block of the same sources at the same moment fetch it once.
  Fetcher(host::Host& host, SourceOptions options, std::shared_ptr<Underway> underway = {});
  ~Fetcher();

  /// One block. kNoSource when nobody has it (or there is no source), kSourceLied when the bytes are wrong and no other
  /// source is left, otherwise the last source's error. A source that lied is not asked again.
  Async<content::VerifiedBytes> get(Cid cid, Stop stop);
  /// Where "CID/a/b" leads. kNotFound; symbolic links on the way are kInvalidArgument.
  Async<Cid> resolve(std::string path, Stop stop);
  /// A file below a folder by its path; nothing when there is no such entry.
  Async<std::optional<File>> open(Cid folder, std::string path, Stop stop);
  /// A file by its root.
  Async<File> open_file(Cid root, std::string name, Stop stop);
  /// Everything below `root`, kept; kQuotaExceeded where there is no room. `progress`: bytes so far, bytes in all (0:
  /// not known).
  Async<> fetch_dag(Cid root, std::function<void(std::uint64_t, std::uint64_t)> progress, Stop stop);
  Async<> flush();

  /// Keeps a block that an import made; where there is no room, in memory as long as this fetcher lives.
  Async<> add(content::VerifiedBytes block);
  /// Verifies bytes by the hash port.
  Async<content::VerifiedBytes> verify(Cid cid, HostBytesRef bytes);
  void add_local(std::shared_ptr<LocalBlocks> blocks);

  const Figures& figures() const;
  const SourceOptions& options() const;

  struct Impl;  ///< for the fetcher's own files

 private:
  friend class File;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ipfs_accelerate::fetch
