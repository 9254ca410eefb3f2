// Compute in the page: the engine's thread itself, and the pool's threads where memory is shared.
#pragma once

#include <map>

#include "base/compute.h"
#include "base/turns.h"
#include "border.h"

namespace ipfs_accelerate::page {

class PageCompute final : public Compute {
 public:
  PageCompute(Border& border, int threads) : border_(border), threads_(threads) {}
  int threads() const override { return threads_; }
  std::shared_ptr<Pool> pool(int threads) override;
  Async<> run_steps(std::function<Result<bool>()> step, Stop stop) override;
  Async<> offload(std::function<Result<>()> work, Stop stop) override;

 private:
  Border& border_;
  int threads_;
  Turns lane_;
  double turned_ = 0;  ///< when other events last had their turn, as far as is known here; ms
  std::map<int, std::shared_ptr<Pool>> pools_;
};

}  // namespace ipfs_accelerate::page
