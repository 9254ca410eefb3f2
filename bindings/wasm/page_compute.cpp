#include "page_compute.h"

#include "base/in_place.h"
#include "host/threads/thread_pool.h"

namespace ipfs_accelerate::page {

/// Longer without other events, and a page would be felt to hang.
static constexpr double kTurnMilliseconds = 8;

std::shared_ptr<Pool> PageCompute::pool(int threads) {
  if (threads < 1 || threads > threads_) threads = threads_;  // more were not started
  std::shared_ptr<Pool>& pool = pools_[threads];
  if (!pool && threads > 1) pool = std::make_shared<host::ThreadPool>(threads);
  if (!pool) pool = std::make_shared<InPlacePool>();
  return pool;
}

Async<> PageCompute::run_steps(std::function<Result<bool>()> step, Stop stop) {
  const Turns::Turn turn = co_await lane_.take(stop);
  for (;;) {  // also short runs add up: a text is one for each token
    co_await stop.check();
    if (!co_await step()) co_return;
    if (emscripten_get_now() - turned_ < kTurnMilliseconds) continue;
    co_await border_.ask({.kind = Kind::turn});
    turned_ = emscripten_get_now();
  }
}

Async<> PageCompute::offload(std::function<Result<>()> work, Stop stop) {
  co_await stop.check();
  co_await work();
}

}  // namespace ipfs_accelerate::page
