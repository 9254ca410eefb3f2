// Decoding natively: libraries on the thread for plain work, aside of the executor.
#pragma once

#include "base/compute.h"
#include "host/host.h"

namespace ipfs_accelerate::host {

class NativeDecode final : public Decode {
 public:
  explicit NativeDecode(Compute& compute) : compute_(compute) {}
  Async<Image> picture(HostBytesRef file, Stop stop) override;

 private:
  Compute& compute_;
};

}  // namespace ipfs_accelerate::host
