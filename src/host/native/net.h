// HTTP over libcurl: one thread carries every request, addresses are checked when connecting and again when a
// connection is used again.
#pragma once

#include <memory>

#include "host/host.h"
#include "host/native/loop.h"

namespace ipfs_accelerate::host {

class NativeNet final : public Net {
 public:
  explicit NativeNet(Loop& loop);
  ~NativeNet() override;  ///< whoever still waits gets kCancelled
  Async<NetAnswer> get(NetRequest request, Stop stop) override;

 private:
  struct Transfer;
  class Worker;

  Loop& loop_;
  std::unique_ptr<Worker> worker_;  ///< begins with the first request
};

}  // namespace ipfs_accelerate::host
