#include "page_compute.h"

#ifdef __EMSCRIPTEN_PTHREADS__
#include "base/thread_pool.h"
#endif

namespace ipfs_accelerate::page {
namespace {

/// Longer without other events, and a page would be felt to hang.
constexpr double kTurnMilliseconds = 8;

/// The calling thread alone.
class OnePool final : public Pool {
 public:
  int threads() const override { return 1; }

 private:
  void run_erased(std::int64_t count, Function function, void* context) override {
    for (std::int64_t i = 0; i < count && !stopped(); ++i) function(context, i, 0);
  }
};

std::shared_ptr<Pool> make_pool([[maybe_unused]] int threads) {
#ifdef __EMSCRIPTEN_PTHREADS__
  class Threads final : public Pool {
   public:
    explicit Threads(int threads) : pool_(threads) {}
    int threads() const override { return pool_.threads(); }

   private:
    void run_erased(std::int64_t count, Function function, void* context) override {
      pool_.run(count, [&](std::int64_t index, int thread) {
        if (!stopped()) function(context, index, thread);
      });
    }
    ThreadPool pool_;
  };
  if (threads > 1) return std::make_shared<Threads>(threads);
#endif
  return std::make_shared<OnePool>();
}

}  // namespace

std::shared_ptr<Pool> PageCompute::pool(int threads) {
  if (threads < 1 || threads > threads_) threads = threads_;  // more were not started
  std::shared_ptr<Pool>& pool = pools_[threads];
  if (!pool) pool = make_pool(threads);
  return pool;
}

Async<> PageCompute::run_steps(std::function<Result<bool>()> step, Stop stop) {
  const Turns::Turn turn = co_await lane_.take();
  for (double since = emscripten_get_now();;) {
    co_await stop.check();
    if (!co_await step()) co_return;
    if (emscripten_get_now() - since < kTurnMilliseconds) continue;
    co_await border_.ask({.kind = Kind::turn});
    since = emscripten_get_now();
  }
}

Async<> PageCompute::offload(std::function<Result<>()> work, Stop stop) {
  co_await stop.check();
  co_await work();
}

}  // namespace ipfs_accelerate::page
