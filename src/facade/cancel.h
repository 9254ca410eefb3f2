// A call that a Cancel ends: what the caller's threads and the engine's thread share of it.
#pragma once

#include <list>
#include <mutex>

#include "base/stop.h"
#include "host/native/loop.h"
#include "ipfs_accelerate/ipfs_accelerate.h"

namespace ipfs_accelerate {

/// Asks `stop` to end what waits for it, on the loop's thread; computing sees it at once. From any thread.
void request_on(host::Loop& loop, const Stop& stop);

/// Each call has a Stop of its own, because a Stop belongs to one loop and a Cancel to any number of engines.
class CancelledCall {
 public:
  CancelledCall(const Cancel& cancel, host::Loop& loop);
  ~CancelledCall();
  CancelledCall(const CancelledCall&) = delete;
  CancelledCall& operator=(const CancelledCall&) = delete;
  const Stop& stop() const { return stop_; }

 private:
  friend class Cancel;
  std::shared_ptr<Cancel::State> state_;
  host::Loop& loop_;
  Stop stop_;
};

struct Cancel::State {
  std::mutex mutex;
  bool requested = false;
  std::list<CancelledCall*> calls;  ///< under way
};

}  // namespace ipfs_accelerate
