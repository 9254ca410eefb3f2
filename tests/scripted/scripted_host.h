// A host by script: virtual time, answers as told, and a trace of every request above the device port, in order.
// Portable and deterministic: the same work gives the same trace, natively and in WASM.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/in_place.h"
#include "content/profile.h"
#include "host/host.h"

namespace ipfs_accelerate::scripted {

using content::Cid;

/// Blocks that exist somewhere, and folders to make them of.
class Origin {
 public:
  using Files = std::map<std::string, Bytes>;  ///< path with '/' -> content
  Cid add_file(ByteView content, content::ProfileName profile = content::ProfileName::kUnixFsV1_2025);
  Cid add_folder(const Files& files, content::ProfileName profile = content::ProfileName::kUnixFsV1_2025);
  Cid add_block(content::Codec codec, ByteView bytes);
  const Bytes* find(const Cid& cid) const;
  content::BlockGetter getter() const;
  std::size_t count() const { return blocks_.size(); }

 private:
  content::BlockSink sink();
  std::map<std::string, Bytes> blocks_;  // by key
};

/// The same bytes for the same seed and size.
Bytes noise(std::size_t size, std::uint32_t seed);

/// What comes back for one request.
struct Answer {
  enum class Kind : std::uint8_t {
    kWhole,
    kStall,        ///< stops after the body's first half: kTimeout once the request's patience is over
    kCutOff,       ///< breaks in the middle: kSourceError
    kUnreachable,  ///< no connection
    kEndless,      ///< more than the request allows: kLimitExceeded
  };
  Kind kind = Kind::kWhole;
  int status = 200;
  Bytes body{};
  double seconds = 0.01;  ///< until it is there; different ones reorder answers
};
/// `number`: how many requests this URL had before.
using Script = std::function<Answer(const std::string& url, int number)>;

class ScriptedHost {
 public:
  /// `addressable`: false keeps bytes as a page does, out of reach; they can only be copied.
  explicit ScriptedHost(bool addressable = true);
  ~ScriptedHost();
  host::Host& host();

  /// Runs `work` to its end, moving the clock as far as needed. kInternal when it waits for nothing that could come.
  template <class T>
  Result<T> run(Async<T> work) {
    const auto result = std::make_shared<std::optional<Result<T>>>();  // work that waits in vain may end later
    start(executor_, std::move(work), [result](Result<T> given) { result->emplace(std::move(given)); });
    while (executor_.run(), !*result && step()) {
    }
    if (!*result) return fail(ErrorCode::kInternal, "the work waits for nothing that could come");
    return *std::move(*result);
  }
  double now() const { return now_; }
  /// `event` happens at this time.
  void at(double seconds, std::function<void()> event) { events_.emplace(seconds, std::move(event)); }

  // Net. The script with the longest beginning that fits a URL answers; where none fits, nobody is there.
  void answer(std::string url_start, Script script);
  void serve(std::string url, Bytes body);  ///< one URL; others below its folder are 404
  /// A trustless gateway that has what `origin` has; `change` may turn an answer.
  using Change = std::function<void(const Cid& cid, Answer& answer)>;
  void gateway(const std::string& base, const Origin& origin, Change change = {});
  int requests(std::string_view url_start) const;  ///< so far

  // Keep: in memory. Leaves of a file that was begun lie side by side.
  std::uint64_t full_after = UINT64_MAX;                        ///< bytes; then kQuotaExceeded
  void corrupt(const Cid& cid) { corrupt_.insert(cid.key()); }  ///< from now on, until it is forgotten
  void lose(const Cid& cid) { lost_.insert(cid.key()); }        ///< what is put is gone
  bool keeps(const Cid& cid) const { return kept_.contains(cid.key()); }
  std::size_t kept_blocks() const { return kept_.size(); }
  std::size_t pinned() const;              ///< kept blocks whose bytes somebody holds
  void keep(const Cid& cid, Bytes bytes);  ///< as it is, without a word of a CID
  void empty_keep() { kept_.clear(); }
  double keep_seconds = 0, hash_seconds = 0;  ///< each request takes

  // Decode.
  std::map<Bytes, Image> pictures;  ///< by the bytes of the file; no others can be decoded
  double decode_seconds = 0;        ///< each takes

  // Catalog and files.
  std::map<std::string, host::Located> names;
  std::map<std::string, Bytes> disk;                 ///< "folder/path" -> content
  std::map<std::string, std::string> links;          ///< "folder/path" -> target
  std::map<std::string, host::Files::Kind> devices;  ///< "folder/path" -> what it is instead of a file or folder

  std::vector<std::string> trace;
  std::string traced() const;  ///< the trace, one request a line

 private:
  struct Ports;
  bool step();  // moves the clock to the next event
  HostBytesRef bytes(Bytes bytes) const;
  Async<> wait(double seconds, Stop stop);

  bool addressable_;
  Executor executor_;
  double now_ = 0;
  using Events = std::multimap<double, std::function<void()>>;
  Events events_;
  std::map<std::string, Script> scripts_;
  std::map<std::string, int> asked_;
  std::map<std::string, HostBytesRef> kept_;                                        // by key
  std::map<std::string, std::pair<std::shared_ptr<Bytes>, std::uint64_t>> places_;  // of leaves of files, by key
  std::uint64_t kept_bytes_ = 0;
  std::set<std::string> corrupt_, lost_;
  std::unique_ptr<Ports> ports_;
};

}  // namespace ipfs_accelerate::scripted
