// Page: the engine as the page drives it. Calls come in as JSON and end as JSON; everything in between is the Core's.
#pragma once

#include <memory>
#include <string>

#include "border.h"
#include "content_ports.h"
#include "device_ports.h"
#include "engine/calls.h"
#include "page_compute.h"

namespace ipfs_accelerate::page {

/// What the page says of itself when it opens the engine.
struct Facts {
  int threads = 0;               ///< to compute on, as the caller wants it; 0: as many as are worth it
  int processors = 1;            ///< logical ones
  bool threaded = false;         ///< this is a program with threads, and they can be started
  std::string cache = "memory";  ///< kind of the keep port
  std::string user_agent;        ///< navigator.userAgent
  bool web_crypto = false, files = false;
};

class Page {
 public:
  explicit Page(const Facts& facts);
  /// How many threads it computes on, the caller's among them: the page starts the others before its first call.
  int threads() const { return compute_.threads(); }
  /// Begins a call; its answer comes out under the number this gives. `request`: JSON as in src/engine/calls.h.
  /// `blobs`: what its content names by number.
  int call(std::string request, std::vector<Bytes> blobs);
  void stop(int call);
  /// The call's flag; lives until forget().
  std::int32_t* stop_flag(int call);
  void forget(int call) { calls_.erase(call); }

  Border border;

 private:
  PageClock clock_{border};
  PageNet net_{border};
  PageKeep keep_;
  PageHash hash_;
  PageCompute compute_;
  NoCatalog catalog_;
  PageDecode decode_{border};
  PageFiles files_{border};
  PageGpu gpu_;
  PageWebnn webnn_;
  host::Host host_;
  Core core_;
  std::map<int, Stop> calls_;
  int last_ = 0;
};

/// One call: what src/engine/calls.h says, and in the test programs what tests/page adds.
Async<std::string> page_call(Core& core, host::Host& host, std::string request, EventListener tell, Stop stop,
                             ReadFile read_file);

}  // namespace ipfs_accelerate::page
