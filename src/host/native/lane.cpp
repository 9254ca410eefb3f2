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
  add(std::move(work));
  wake();
}

void Lane::add(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  work_.push_back(std::move(work));
}

void Lane::wake() {
  const std::lock_guard lock(mutex_);
  if (work_.empty()) return;
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  work_ready_.notify_one();
}

void Lane::run_pending() {
  std::unique_lock lock(mutex_);
  if (busy_) return;
  run_first(work_.size(), lock);
  lock.unlock();
  wake();  // for what came meanwhile
}

void Lane::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    work_ready_.wait(lock, [&] { return !busy_ && (ending_ || !work_.empty()); });
    if (work_.empty()) return;
    run_first(work_.size(), lock);
  }
}

void Lane::run_first(std::size_t count, std::unique_lock<std::mutex>& lock) {
  busy_ = true;
  for (; count > 0; --count) {
    std::function<void()> next = std::move(work_.front());
    work_.pop_front();
    lock.unlock();
    next();
    next = nullptr;  // what it holds goes before anybody waits for the lane
    lock.lock();
  }
  busy_ = false;
}

}  // namespace ipfs_accelerate::host
