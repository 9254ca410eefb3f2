// Host: the ports through which the engine reaches the world. Implemented natively (src/host/native), in the page
// (bindings/wasm with web/sdk), and by a script in tests. A port carries out; every decision is above it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/webgpu/gpu.h"
#include "backend/webnn/webnn_port.h"
#include "base/async.h"
#include "base/bytes.h"
#include "base/compute.h"
#include "base/stop.h"
#include "content/file_dag.h"
#include "input/image/image.h"

namespace ipfs_accelerate::host {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual double now() = 0;  ///< s, from any origin; never goes back
  virtual Async<> sleep(double seconds, Stop stop) = 0;
  virtual void random(std::span<std::uint8_t> into) = 0;
};

struct NetRequest {
  std::string url;
  std::string accept;              ///< the Accept header; empty: none
  std::uint64_t max_bytes = 0;     ///< of the body; more is kLimitExceeded, before it comes when the server says so
  std::uint64_t max_unstated = 0;  ///< the same where the server does not say how many come; 0: max_bytes
  double connect_seconds = 5;      ///< natively; a page cannot tell
  double stall_seconds = 30;       ///< without a byte; then kTimeout
  double total_seconds = 0;        ///< in all; 0 = no limit
  bool allow_local = false;        ///< addresses that are loopback, private or link-local; else kForbiddenAddress
  bool revalidate = false;         ///< a page: the browser's own HTTP cache may answer, once the server confirms it
  bool follow_redirects = false;   ///< else an answer 3xx is given as it is (a page gives 302 for all)
};
struct NetAnswer {
  int status = 0;
  HostBytesRef body;
};

class Net {
 public:
  virtual ~Net() = default;
  /// GET. An answer with any status is an answer. kUnreachable, kTimeout, kForbiddenAddress, kLimitExceeded,
  /// kOutOfMemory, kCancelled; messages name the URL.
  virtual Async<NetAnswer> get(NetRequest request, Stop stop) = 0;
};

/// Where verified blocks are kept between runs: the store; OPFS, IndexedDB, memory. What it gives back is not trusted.
class Keep {
 public:
  virtual ~Keep() = default;
  virtual std::string kind() const = 0;  ///< "store", "opfs", "indexeddb", "folder", "memory"
  virtual Async<std::vector<bool>> has(std::vector<content::Cid> cids) = 0;
  /// The bytes of blocks, unverified; null where one is not here. Leaves of a file that begin_file() named and that lie
  /// side by side natively come as views of one map, so that neighbours are neighbours in memory too.
  virtual Async<std::vector<HostBytesRef>> read(std::vector<content::Cid> cids) = 0;
  /// Leaves of this file come by put() in any order; its inner nodes were put before.
  virtual Async<> begin_file(content::FileLayout layout) = 0;
  /// kQuotaExceeded: no room.
  virtual Async<> put(content::VerifiedBytes block) = 0;
  virtual Async<> flush() = 0;  ///< what was put is durable afterwards
  /// Drops blocks whose bytes do not match, so that they can come again.
  virtual Async<> forget(std::vector<content::Cid> cids) = 0;
};

struct HashRequest {
  content::HashFunction function = content::HashFunction::kSha2_256;
  HostBytesRef bytes;
};

class Hash {
 public:
  virtual ~Hash() = default;
  /// Full digests, in order. kUnsupportedHash.
  virtual Async<std::vector<content::Digest>> hash(std::vector<HashRequest> requests) = 0;

 protected:
  /// Only a host's hash makes what content::verify believes.
  static content::Digest digest(Bytes bytes) { return content::Digest(std::move(bytes)); }
};

/// A model by what its user calls it, when that is no CID: a registered name, a folder.
struct Located {
  std::string path;      ///< "CID" or "CID/path"
  bool was_here = true;  ///< nothing had to be added
};
class Catalog {
 public:
  virtual ~Catalog() = default;
  /// kNotFound when the host knows nothing of that name. Adding a folder by reference may take a while.
  virtual Async<Located> locate(std::string model, Stop stop) = 0;
};

/// Folders on a disk that the host has no store for (Node). Natively the catalog adds them to the store.
class Files {
 public:
  enum class Kind { kFile, kFolder, kOther, kMissing, kCircle, kUnreadable };
  struct Item {
    std::string name;
    Kind kind = Kind::kFile;    ///< of a symbolic link: what it leads to in the end, if anything
    std::uint64_t size = 0;     ///< of a file
    std::string link_target{};  ///< of a symbolic link, as it is written; else empty
  };
  struct Listing {
    std::string real_path;    ///< of the folder, through no link: equal for the same folder
    std::vector<Item> items;  ///< everything in it but not deeper, in any order
  };
  virtual ~Files() = default;
  /// kNotFound, kIo.
  virtual Async<Listing> list(std::string folder) = 0;
  /// Follows links. kIo.
  virtual Async<HostBytesRef> read(std::string folder, std::string path, std::uint64_t offset,
                                   std::uint64_t length) = 0;
};

/// Picture files as pixels.
class Decode {
 public:
  virtual ~Decode() = default;
  /// Upright 8-bit RGB; alpha is dropped, not blended, and colour profiles are ignored, as Pillow's convert("RGB") has
  /// it. kUnsupportedMedia for what this host cannot decode, kMalformedMedia, kLimitExceeded before huge pictures take
  /// memory.
  virtual Async<Image> picture(HostBytesRef file, Stop stop) = 0;
};

/// What an engine stands on. Each port lives as long as the host; gpu and webnn are null where there is none.
struct Host {
  Executor& executor;
  Clock& clock;
  Net& net;
  Keep& keep;
  Hash& hash;
  Compute& compute;
  Catalog& catalog;
  Decode& decode;
  webgpu::Gpu* gpu = nullptr;
  webnn::Webnn* webnn = nullptr;
  Files* files = nullptr;
  std::string browser{};           ///< "chrome", "firefox", "node" ...; empty natively
  std::uint64_t (*memory)() = {};  ///< bytes this process (or this WASM memory) occupies
};

}  // namespace ipfs_accelerate::host
