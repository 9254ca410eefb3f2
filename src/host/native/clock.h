// The system's clock, a thread that wakes sleepers, and random bytes.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "host/host.h"
#include "host/native/loop.h"

namespace ipfs_accelerate::host {

class NativeClock final : public Clock {
 public:
  explicit NativeClock(Loop& loop) : loop_(loop) {}
  ~NativeClock() override;
  double now() override;
  Async<> sleep(double seconds, Stop stop) override;
  void random(std::span<std::uint8_t> into) override;

 private:
  using Time = std::chrono::steady_clock::time_point;
  using Nap = std::pair<Time, std::uint64_t>;  ///< the second: in the order of the calls
  Nap add(Time until, const Reply<>& reply);
  void wake(const Reply<>& reply, Result<> with);
  void run();

  Loop& loop_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<Nap, Reply<>> naps_;
  std::uint64_t last_ = 0;
  bool ending_ = false;
  std::thread thread_;  ///< begins with the first sleep
};

}  // namespace ipfs_accelerate::host
