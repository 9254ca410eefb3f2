// HTTP over libcurl: a few threads, a connection each, addresses checked when connecting.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "host/host.h"
#include "host/native/loop.h"

namespace ipfs_accelerate::host {

class NativeNet final : public Net {
 public:
  explicit NativeNet(Loop& loop) : loop_(loop) {}
  ~NativeNet() override;
  Async<NetAnswer> get(NetRequest request, Stop stop) override;

 private:
  static constexpr std::size_t kMostThreads = 16;
  void push(std::function<void(void* curl)> work);
  void run();

  Loop& loop_;
  std::mutex mutex_;
  std::condition_variable work_ready_;
  std::deque<std::function<void(void*)>> work_;
  std::size_t idle_ = 0;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace ipfs_accelerate::host
