// The native Compute: the CPU's lane is a thread that drives a pool; other plain work has a thread aside.
#pragma once

#include <map>

#include "base/compute.h"
#include "base/turns.h"
#include "host/native/lane.h"

namespace ipfs_accelerate::host {

class NativeCompute final : public Compute {
 public:
  /// threads: 0 = all the machine offers.
  explicit NativeCompute(Loop& loop, int threads = 0);
  Processor processor() const override;
  int threads() const override { return threads_; }
  std::shared_ptr<Pool> pool(int threads) override;
  Async<> run_steps(std::function<Result<bool>()> step, Stop stop) override;
  Async<> offload(std::function<Result<>()> work, Stop stop) override;
  void advise_huge(void* memory, std::size_t bytes) override;

 private:
  int threads_;
  std::mutex mutex_;
  std::map<int, std::weak_ptr<Pool>> pools_;  ///< by thread count; its threads end with the last who computes on it
  std::shared_ptr<Pool> usual_;               ///< the one with threads_ stays
  Turns turns_;                               ///< of the CPU's lane: whoever stops need not wait for the run before
  Lane cpu_, aside_;
};

}  // namespace ipfs_accelerate::host
