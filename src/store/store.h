// The embedded store: files kept as files, small blocks in a pack, every byte verified before it is handed out.
// The format on disk and the order of writes: docs/store.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/stop.h"
#include "content/block.h"
#include "content/file_dag.h"
#include "content/profile.h"

namespace ipfs_accelerate::store {

using content::Block;
using content::Cid;

/// Told from time to time while something long runs; bytes_total is 0 where it is not known.
struct Progress {
  std::string path;  ///< the file at work, relative to what was given
  std::uint64_t bytes_done = 0, bytes_total = 0;
};
using ProgressCallback = std::function<void(const Progress&)>;

/// What `add` takes from a folder: regular files, folders (empty ones too) and symbolic links, which stay links (they
/// are not followed unless `dereference`, so nothing outside the folder is added). Names starting with a dot are left
/// out unless `hidden`; the path given itself may start with one. Sockets, pipes and devices are kInvalidArgument.
struct AddOptions {
  content::ProfileName profile = content::ProfileName::kUnixFsV1_2025;
  bool reference = false;  ///< leave file bytes where they are; they are verified again when the file changes
  /// Add what symbolic links point to, inside the folder or not, in the links' place. Dangling links are kNotFound,
  /// links into a folder that they stand in kInvalidArgument.
  bool dereference = false;
  bool hidden = false;
  bool pin = true;
  int threads = 0;  ///< 0 = all cores
  ProgressCallback progress{};
  Stop stop{};  ///< kCancelled; nothing half-written becomes visible
};
struct Added {
  Cid root;
  std::uint64_t files = 0;         ///< regular files and symbolic links
  std::uint64_t bytes = 0;         ///< of content
  std::uint64_t stored_bytes = 0;  ///< written to the store: 0 for what was there or is referenced
};

enum class EntryType { kFile, kDirectory, kSymlink, kUnknown };  ///< kUnknown: its block is not here
struct Entry {
  std::string name;
  Cid cid;
  EntryType type = EntryType::kFile;
  std::uint64_t size = 0;  ///< files: content bytes, symlinks: bytes of the target, folders: 0
};
struct Pin {
  Cid cid;
  std::string name;
};
struct Stat {
  std::uint64_t files = 0, file_bytes = 0;    ///< file DAGs kept as files (referenced ones too), bytes present
  std::uint64_t referenced_bytes = 0;         ///< of these, bytes that stay in the user's files
  std::uint64_t blocks = 0, block_bytes = 0;  ///< blocks in the pack
  std::uint64_t pins = 0;
  std::uint64_t disk_bytes = 0;  ///< what the store's folder occupies
};
/// A block that is missing or does not match its CID.
struct Damage {
  Cid cid;
  std::string path;  ///< the file in the store, or the referenced file
  std::uint64_t offset = 0;
  Error error;
};
/// What matches; a leaf that stands in several places of files counts, and is read, in each.
struct VerifyReport {
  std::uint64_t blocks = 0, bytes = 0;
  std::vector<Damage> damage;
};
struct GcReport {
  std::uint64_t files = 0, blocks = 0, bytes = 0;  ///< removed
};
struct ImportReport {
  std::vector<Cid> roots;
  std::uint64_t blocks = 0, bytes = 0;  ///< stored
  std::uint64_t ignored = 0;            ///< blocks that no root reaches
};

/// One store folder. Methods may be called from several threads. One process writes at a time; others may read.
class Store {
 public:
  enum class Mode { kReadWrite, kReadOnly };
  /// Opens or (kReadWrite) creates the store at `root`. kStoreLocked when another process writes to it,
  /// kStoreCorrupt, kIo. Leftovers of an interrupted write are cleared.
  static Result<std::shared_ptr<Store>> open(const std::filesystem::path& root, Mode mode = Mode::kReadWrite);
  ~Store();

  /// Adds a file or folder and returns its CID. kNotFound, kIo, kCancelled, kQuotaExceeded (disk full).
  Result<Added> add(const std::filesystem::path& path, const AddOptions& options = {});
  /// The CID alone; nothing is written.
  static Result<Added> only_hash(const std::filesystem::path& path, const AddOptions& options = {});

  /// Paths are "CID", "CID/a/b" or "/ipfs/CID/a/b". kNotFound when a name or block is not there.
  Result<Cid> resolve(std::string_view path);
  Result<Entry> entry(std::string_view path);
  /// A folder's entries in stored order; a file's own entry alone.
  Result<std::vector<Entry>> ls(std::string_view path);
  /// The verified bytes of a file. Each leaf is compared with its CID when it is first viewed in this process;
  /// a mismatch is kIntegrity naming file, offset and CID. kNotFound from view() where a leaf is not in the store.
  Result<std::shared_ptr<ByteSource>> open_file(std::string_view path);
  /// Hands out the file's verified bytes in order; stops at the first error `write` returns.
  Result<> cat(std::string_view path, const std::function<Result<>(ByteView)>& write);
  /// Writes a file or folder to `target`, which must not exist. Names that could leave it (".", "..", "/", NUL) are
  /// kMalformedBlock; symbolic links are written as links only when they stay inside, else kInvalidArgument.
  Result<> get(std::string_view path, const std::filesystem::path& target, const ProgressCallback& progress = {},
               const Stop& stop = {});

  /// Every block below `path`, compared with its CID.
  Result<VerifyReport> verify(std::string_view path, const ProgressCallback& progress = {}, const Stop& stop = {});
  /// Whether everything below `path` is here (digests are not compared).
  Result<bool> is_complete(std::string_view path);

  Result<> pin(const Cid& cid, std::string_view name = {});
  Result<> unpin(const Cid& cid);  ///< kNotFound when it is not pinned
  Result<std::vector<Pin>> pins();
  /// Unpins `cid` and removes what no other pin reaches.
  Result<GcReport> rm(const Cid& cid);
  /// Removes what no pin reaches.
  Result<GcReport> gc();
  Result<Stat> stat();

  /// CARv1 with one root, depth first, each block once. kNotFound when a block is missing.
  Result<> export_car(const Cid& root, const std::function<Result<>(ByteView)>& write);
  /// Reads a CARv1 file and keeps what its roots reach; every block is verified. Pins the roots.
  Result<ImportReport> import_car(const std::filesystem::path& car, const ProgressCallback& progress = {},
                                  const Stop& stop = {});

  /// Single blocks, for gateways and fetching. Blocks are found by multihash, whatever the CID's version and codec.
  bool has_block(const Cid& cid);
  Result<Block> get_block(const Cid& cid);
  /// A block's bytes, not verified; null when it is not here. Leaves of files that the store owns are views of a map;
  /// referenced files are read.
  Result<HostBytesRef> peek(const Cid& cid);
  /// Keeps a block: in its place in a file that waits for it (begin_file), else in the pack.
  Result<> put_block(const content::VerifiedBlock& block);
  /// Drops a block that does not match its CID, so that it can come again. Nothing happens to good ones.
  Result<> forget_damaged(const Cid& cid);
  /// Makes room for a file whose leaves will come by put_block in any order. The inner nodes must have been put.
  /// Leaves that are there already (from an interrupted fetch) stay.
  Result<> begin_file(const content::FileLayout& layout);
  /// Makes what put_block wrote durable; it is visible to this process before.
  Result<> flush();

  const std::filesystem::path& root() const;

  struct Impl;  ///< for the store's own files

 private:
  Store();
  std::shared_ptr<Impl> impl_;
};

}  // namespace ipfs_accelerate::store
