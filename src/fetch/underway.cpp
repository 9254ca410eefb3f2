#include "fetch/underway.h"

namespace ipfs_accelerate::fetch {

void Underway::forget(const std::string& key, const std::shared_ptr<Work>& work) {
  const auto found = works_.find(key);
  if (found != works_.end() && found->second == work) works_.erase(found);
}

Async<Arrived> Underway::join(std::shared_ptr<Underway> all, std::string key, std::function<Async<Arrived>(Stop)> begin,
                              Stop stop) {
  co_await stop.check();
  Executor& executor = co_await this_executor();
  std::shared_ptr<Work>& place = all->works_[key];
  const bool fresh = place == nullptr;
  if (fresh) place = std::make_shared<Work>();
  const std::shared_ptr<Work> work = place;
  const Reply<Arrived> reply;
  const auto at = work->waiting.insert(work->waiting.end(), reply);
  if (fresh) {
    start(executor, begin(work->stop), [all, key, work](const Result<Arrived>& result) {
      all->forget(key, work);
      for (const Reply<Arrived>& waiting : work->waiting) waiting.settle(result);
    });
  }
  const Stop::Listener listener = stop.listen([&] {
    if (reply.settled()) return;
    if (work->waiting.size() > 1) {
      work->waiting.erase(at);
      reply.settle(fail(ErrorCode::kCancelled, "the caller asked to stop"));
      return;
    }
    all->forget(key, work);  // who comes now begins anew
    work->stop.request();
  });
  co_return co_await reply.get();
}

}  // namespace ipfs_accelerate::fetch
