// Lane: its queue and its thread.
#include "host/native/lane.h"

namespace ipfs_accelerate::host {

Lane::~Lane() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    work_ready_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void Lane::push(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  work_.push_back(std::move(work));
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  work_ready_.notify_one();
}

void Lane::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    work_ready_.wait(lock, [&] { return ending_ || !work_.empty(); });
    if (work_.empty()) return;
    std::function<void()> next = std::move(work_.front());
    work_.pop_front();
    lock.unlock();
    next();
    next = nullptr;  // what it holds goes before anybody waits for the lane
    lock.lock();
  }
}

}  // namespace ipfs_accelerate::host
