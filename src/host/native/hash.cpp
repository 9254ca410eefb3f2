#include "host/native/hash.h"

#include "content/hash.h"

namespace ipfs_accelerate::host {

Result<std::vector<content::Digest>> NativeHash::hash_all(const std::vector<HashRequest>& requests) {
  std::vector<Result<Bytes>> hashes(requests.size());
  const auto one = [&](std::int64_t i, int) {
    const HashRequest& request = requests[static_cast<std::size_t>(i)];
    const ByteView bytes(request.bytes->data(), static_cast<std::size_t>(request.bytes->size()));
    hashes[static_cast<std::size_t>(i)] = content::full_digest(request.function, bytes);
  };
  if (requests.size() == 1) {
    one(0, 0);
  } else {
    if (!pool_) pool_ = std::make_unique<ThreadPool>();
    pool_->run(static_cast<std::int64_t>(requests.size()), one);
  }
  std::vector<content::Digest> digests;
  for (auto& hash : hashes) {
    if (!hash) return std::unexpected(std::move(hash).error());
    digests.push_back(digest(*std::move(hash)));
  }
  return digests;
}

Async<std::vector<content::Digest>> NativeHash::hash(std::vector<HashRequest> requests) {
  if (requests.empty()) co_return std::vector<content::Digest>();
  co_return co_await lane_.call<std::vector<content::Digest>>([&] { return hash_all(requests); });
}

}  // namespace ipfs_accelerate::host
