// The C++ facade: one call runs a model; the store beside it names every byte by its CID.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ipfs_accelerate/error.h"
#include "ipfs_accelerate/result.h"
#include "ipfs_accelerate/run.h"

namespace ipfs_accelerate {

/// Called now and then, perhaps from other threads: what is being done, bytes so far, bytes in all (0: not known).
using Progress = std::function<void(std::string_view stage, std::uint64_t done, std::uint64_t total)>;

/// Asks calls to stop, from any thread: copies ask the same calls. A call that was given one, in its options or as an
/// argument, then ends with kCancelled once whoever works for it has let go (a stalled request at once, computing
/// within a chunk, a shader being compiled at its end), unless it was over already. What was verified stays in the
/// store, nothing half-done becomes visible. Once requested, always requested: a later call needs a new one.
class Cancel {
 public:
  Cancel();
  Cancel(const Cancel&) = default;  // moving copies: there is no empty one
  Cancel& operator=(const Cancel&) = default;
  void request() const;
  bool requested() const;

 private:
  friend class CancelledCall;
  struct State;
  std::shared_ptr<State> state_;
};

struct AddOptions {
  std::string profile = "unixfs-v1-2025";  ///< or "unixfs-v0-2015", "kubo-cid-v1"
  bool reference = false;                  ///< keep no copy of the bytes: they are read, and verified, where they are
  bool dereference = false;                ///< add what symbolic links point to, in their place
  bool hidden = false;                     ///< also names that start with a dot
  std::string name{};                      ///< also registers this name for the CID
  /// The store is locked meanwhile: it may read (ls, cat, stat ...); what writes to the store, fetches or runs a model
  /// gives it kInvalidArgument, and another thread that does so waits until `add` is over.
  Progress progress;
  Cancel cancel;
};
struct AddReport {
  std::string cid{}, name{};
  std::uint64_t files = 0, bytes = 0;  ///< of content
  std::uint64_t stored_bytes = 0;      ///< written: 0 for what was there already or is referenced
  double seconds = 0;
};

/// One line of a listing.
struct Entry {
  std::string name{}, cid{}, type{};  ///< type: "file", "directory", "symlink"
  std::uint64_t size = 0;             ///< bytes of a file; of a link's target
};

/// Where a path leads.
struct Resolved {
  std::string cid{};                ///< what the path names in the end
  std::vector<std::string> path{};  ///< CIDs of the blocks walked through, from the root, `cid` last
  std::string type{};               ///< "file", "directory", "symlink"; "raw" and "dag-pb" blocks are files
};

struct VerifyReport {
  std::uint64_t blocks = 0, bytes = 0;  ///< that match
  std::vector<Error> damage{};          ///< one per block that is missing or does not match its CID: file, offset, CID
};
struct GcReport {
  std::uint64_t files = 0, blocks = 0, bytes = 0;  ///< removed
};
struct StoreStat {
  std::string home{};
  std::uint64_t files = 0, file_bytes = 0;    ///< kept as files, referenced ones too
  std::uint64_t referenced_bytes = 0;         ///< of these, bytes that stay in the user's own files
  std::uint64_t blocks = 0, block_bytes = 0;  ///< kept as blocks
  std::uint64_t pins = 0;
  std::uint64_t disk_bytes = 0;  ///< what the store's folder occupies
};
struct NamedModel {
  std::string name{}, cid{}, task{},
      architecture{};                ///< task and architecture are empty when the content is no model we run
  std::string answer_kind{};         ///< what the task gives: answer_kind_name()
  std::vector<std::string> takes{};  ///< what it takes: "text", "pair", "messages", "image", "pixels" ...
};

/// From where missing content may come.
struct FetchConfig {
  std::vector<std::string> gateways{};
  bool allow_local_gateways = false;
  int gateway_timeout = 30;
  Progress progress;
  Cancel cancel;  ///< of the whole call: fetching, and what it does with the content
};

/// Which blocks of a path a CAR carries: the last one; what it takes to read the file or list the directory; everything
/// below. https://specs.ipfs.tech/http-gateways/trustless-gateway/#dag-scope-request-query-parameter
enum class DagScope : std::uint8_t { kBlock, kEntity, kAll };
struct CarOptions {
  DagScope scope = DagScope::kAll;
  /// Only the blocks with these bytes of a file: first and last, negative ones counted from the end. With kEntity.
  std::optional<std::pair<std::int64_t, std::optional<std::int64_t>>> entity_bytes{};
  bool duplicates = false;  ///< repeat a block each time it is met
};

/// A CARv1 in the making: blocks depth first, from the root through the path. Lives no longer than its Engine.
class CarStream {
 public:
  /// The next piece of the file, at most a little over 2 MiB; nothing at the end. An error ends the stream.
  Result<std::optional<std::vector<std::uint8_t>>> next();
  const Resolved& resolved() const;
  CarStream(CarStream&&) noexcept;
  CarStream& operator=(CarStream&&) noexcept;
  ~CarStream();

 private:
  friend class Engine;
  struct Impl;
  explicit CarStream(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Takes bytes in order; false stops.
using Sink = std::function<bool(const void* data, std::size_t size)>;

/// A run under way. Dropping one cancels it and waits until nobody works for it. Lives no longer than its Engine.
class Run {
 public:
  /// The answer, once. Meanwhile the listener given to start() is called, on this thread; it may call the engine.
  /// At most 64 events wait for it: progress replaces older progress of the same file, and where that is not enough the
  /// oldest event but "done" and "ready" is left out. Text is never left out: pieces of one item are joined. The load
  /// itself never waits for a listener.
  Result<RunResult> wait();
  bool done() const;  ///< whether wait() would give the answer without waiting for work
  /// Asks it to stop, from any thread, the listener too: wait() then gives kCancelled, unless it was over already. A
  /// text that is generated gets at most the token under way.
  void cancel();
  Run(Run&&) noexcept;
  Run& operator=(Run&&) noexcept;
  ~Run();

 private:
  friend class Engine;
  struct Impl;
  explicit Run(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

/// Where the store lies: $IPFS_ACCELERATE_HOME, else the user's data folder ($XDG_DATA_HOME or ~/.local/share) +
/// /ipfs_accelerate.
std::filesystem::path default_home();

/// A store and the models loaded from it. Calls may come from any thread; models run side by side, runs of one model
/// follow each other.
/// `model` is a CID (also ipfs://CID/path and /ipfs/CID/path), a registered name, or a folder.
/// `content` is one of these, with /path/in/it when a part of it is meant.
class Engine {
 public:
  /// Opens (and makes, when missing) the store at `home`. kStoreLocked, kStoreCorrupt, kIo.
  static Result<Engine> open(const std::filesystem::path& home = default_home());
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;
  ~Engine();

  /// Runs `model` on every input. The model stays loaded for the next call.
  Result<RunResult> accelerate(const std::string& model, const std::vector<Content>& inputs, const Config& config = {},
                               const Cancel& cancel = {});
  /// The same without waiting; `listener` hears of the load, and of text as it is generated.
  Run start(const std::string& model, const std::vector<Content>& inputs, const Config& config = {},
            Listener listener = {}, const Cancel& cancel = {});
  /// The plan as JSON; no weight is read. `inputs` decide the shape; none: one input of the model's full length.
  Result<std::string> explain(const std::string& model, const std::vector<Content>& inputs, const Config& config = {},
                              const Cancel& cancel = {});
  /// {"devices": [...], "auto": {"platform", "device", "reason"}}
  Result<std::string> devices(const Cancel& cancel = {});

  Result<AddReport> add(const std::filesystem::path& path, const AddOptions& options = {});
  Result<std::vector<Entry>> ls(const std::string& content, const FetchConfig& fetch = {});
  Result<> cat(const std::string& content, const Sink& sink, const FetchConfig& fetch = {});
  /// Writes a file or a folder to `target`, which must not exist.
  Result<> get(const std::string& content, const std::filesystem::path& target, const FetchConfig& fetch = {});
  /// Reads everything below `content` (empty: everything pinned) again and compares it with its CIDs.
  Result<VerifyReport> verify(const std::string& content = {}, const Cancel& cancel = {});
  Result<std::string> pin(const std::string& content, const FetchConfig& fetch = {});  ///< the CID that was pinned
  Result<std::string> unpin(const std::string& content);
  Result<std::vector<std::string>> pins();
  /// Unpins `content`, forgets its names, and removes what no other pin needs.
  Result<GcReport> rm(const std::string& content);
  Result<GcReport> gc();
  Result<StoreStat> stat();
  /// A CARv1 of `content`, read block by block. kNotFound when `content` cannot be resolved.
  Result<CarStream> open_car(const std::string& content, const CarOptions& options = {});
  Result<std::vector<std::string>> import_car(const std::filesystem::path& file,
                                              const Cancel& cancel = {});  ///< the roots

  Result<std::vector<NamedModel>> models();
  /// A name, folder or text in any of the accepted forms -> CID text. kNotFound, kInvalidCid.
  Result<Resolved> resolve(const std::string& content);
  Result<bool> has(const std::string& cid);
  Result<std::vector<std::uint8_t>> block(const std::string& cid);  ///< verified bytes of one block; kNotFound

 private:
  struct Impl;
  explicit Engine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Reads files by their path, 256 MiB at most: for read_contents(). It knows no blobs.
ReadFile local_files();

/// One call: opens the default store, runs, closes.
Result<RunResult> accelerate(const std::string& model, const std::vector<Content>& inputs, const Config& config = {});

/// Facts of a CID as JSON: version, codec, hash function, digest, and the text in each form. kInvalidCid.
Result<std::string> inspect_cid(const std::string& text);

/// The library's version, "0.1.0".
std::string_view version() noexcept;

}  // namespace ipfs_accelerate
