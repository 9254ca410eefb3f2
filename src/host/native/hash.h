// Hashing natively: OpenSSL (SHA-NI where the processor has it) and BLAKE3, many blocks on every core.
#pragma once

#include "host/host.h"
#include "host/native/lane.h"
#include "host/threads/thread_pool.h"

namespace ipfs_accelerate::host {

class NativeHash final : public Hash {
 public:
  explicit NativeHash(Loop& loop) : lane_(loop) {}
  Async<std::vector<content::Digest>> hash(std::vector<HashRequest> requests) override;

 private:
  Result<std::vector<content::Digest>> hash_all(const std::vector<HashRequest>& requests);
  std::unique_ptr<ThreadPool> pool_;  ///< of the lane; made when there is more than one to hash
  Lane lane_;
};

}  // namespace ipfs_accelerate::host
