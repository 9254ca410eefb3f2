// Work without a host: a Compute that computes where it is called, and running an Async to its end. For tests, and for
// programs with one thread.
#pragma once

#include <optional>

#include "base/compute.h"

namespace ipfs_accelerate {

class InPlacePool final : public Pool {
 public:
  int threads() const override { return 1; }

 private:
  void run_erased(std::int64_t count, Function function, void* context) override {
    for (std::int64_t index = 0; index < count && !stopped(); ++index) function(context, index, 0);
  }
};

class InPlaceCompute final : public Compute {
 public:
  int threads() const override { return 1; }
  std::shared_ptr<Pool> pool(int) override { return pool_; }
  Async<> run_steps(std::function<Result<bool>()> step, Stop stop) override {
    for (bool more = true; more;) {
      co_await stop.check();
      more = co_await step();
    }
  }
  Async<> offload(std::function<Result<>()> work, Stop stop) override {
    co_await stop.check();
    co_await work();
  }

 private:
  std::shared_ptr<Pool> pool_ = std::make_shared<InPlacePool>();
};

/// kInternal when the work waits for something that nobody brings.
template <class T>
Result<T> run_in_place(Async<T> work) {
  Executor executor;
  std::optional<Result<T>> result;
  start(executor, std::move(work), [&](Result<T> given) { result = std::move(given); });
  executor.run();
  if (!result) return fail(ErrorCode::kInternal, "the work waits for nothing that could come");
  return *std::move(result);
}

}  // namespace ipfs_accelerate
