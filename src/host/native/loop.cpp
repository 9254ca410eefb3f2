// Loop: who drives, who waits, and how posted work reaches the driver.
#include "host/native/loop.h"

#include <algorithm>

#include "host/native/lane.h"

namespace ipfs_accelerate::host {

void Loop::post(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  inbox_.push_back(std::move(work));
  work_ready_.notify_one();
}

void Loop::promise() {
  const std::lock_guard lock(mutex_);
  ++promised_;
}

void Loop::answer(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  --promised_;
  inbox_.push_back(std::move(work));
  work_ready_.notify_one();
}

void Loop::enter(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  ++blocked_;
  inbox_.push_back(std::move(work));
  work_ready_.notify_one();
}

void Loop::leave() {
  const std::lock_guard lock(mutex_);
  if (--blocked_ == 0) left_.notify_all();
}

// The waiter may be gone as soon as the mutex is free.
void Loop::finish(Waiter& waiter) {
  const std::lock_guard lock(mutex_);
  waiter.done = true;
  waiter.wake.notify_one();
}

// One at a time from the shared queue, because posted work may block on this loop and drive it from inside.
bool Loop::run_posted(std::unique_lock<std::mutex>& lock) {
  if (inbox_.empty()) return false;
  const std::function<void()> work = std::move(inbox_.front());
  inbox_.pop_front();
  lock.unlock();
  work();
  lock.lock();
  return true;
}

void Loop::drive(Waiter& me, std::unique_lock<std::mutex>& lock) {
  while (!me.done) {
    while (!me.done && run_posted(lock)) {
    }
    lock.unlock();
    bool ran = false;
    // Only the driver ends waiters, so its own `done` needs no lock here.
    while (!me.done && executor_.run_one()) ran = true;
    lock.lock();
    if (ran || me.done || !inbox_.empty()) continue;
    if (lent_ != nullptr) {
      help(me, lock);
    } else {
      work_ready_.wait(lock);
    }
  }
}

void Loop::drive_until_done(Waiter& me) {
  std::unique_lock lock(mutex_);
  if (driver_ == std::this_thread::get_id()) {  // from inside posted work
    me.lends = false;
    Waiter* const outer = std::exchange(driving_, &me);
    drive(me, lock);
    driving_ = outer;
    return;
  }
  take_over(me, lock);
  if (!me.done) drive(me, lock);
  if (driver_ == std::this_thread::get_id()) {
    hand_over(lock);
    driver_ = std::thread::id();
  }
  wake_next();
}

void Loop::take_over(Waiter& me, std::unique_lock<std::mutex>& lock) {
  const auto at = waiting_.insert(waiting_.end(), &me);
  me.wake.wait(lock, [&] { return me.done || driver_ == std::thread::id(); });
  waiting_.erase(at);
  if (me.done) return;
  driver_ = std::this_thread::get_id();
  driving_ = &me;
}

void Loop::wake_next() {
  if (driver_ == std::thread::id() && !waiting_.empty()) waiting_.front()->wake.notify_one();
}

bool Loop::lend(Lane& lane) {
  const std::lock_guard lock(mutex_);
  const bool alone = driver_ == std::this_thread::get_id() && driving_->lends && promised_ == 1;
  if (!alone || closing_ || lent_ != nullptr) return false;
  lent_ = &lane;
  return true;
}

void Loop::hand_over(std::unique_lock<std::mutex>& lock) {
  Lane* const lane = std::exchange(lent_, nullptr);
  if (lane == nullptr) return;
  lock.unlock();
  lane->wake();
  lock.lock();
}

// Whoever comes to wait meanwhile drives.
void Loop::help(Waiter& me, std::unique_lock<std::mutex>& lock) {
  if (promised_ > 1 || !me.lends) return hand_over(lock);
  Lane& lane = *std::exchange(lent_, nullptr);
  driver_ = std::thread::id();
  wake_next();
  lock.unlock();
  lane.run_pending();
  lock.lock();
  take_over(me, lock);
}

void Loop::start_thread() {
  const std::lock_guard lock(mutex_);
  if (thread_.joinable()) return;
  thread_ends_.done = false;
  thread_ends_.lends = false;  // it must be there for what others post
  thread_ = std::thread([this] { drive_until_done(thread_ends_); });
}

void Loop::close() {
  Waiter drained;
  drained.lends = false;
  // Looks again after everything that was ready, until no answer is owed.
  std::function<void()> look = [&] {
    if (executor_.run_one()) return post(look);
    std::unique_lock lock(mutex_);
    hand_over(lock);
    const bool more = promised_ > 0 || !inbox_.empty();
    if (more && inbox_.empty()) work_ready_.wait(lock, [&] { return !inbox_.empty(); });
    if (more) return inbox_.push_back(look);
    lock.unlock();
    finish(drained);
  };
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  post(look);
  drive_until_done(drained);
  if (thread_.joinable()) {
    post([this] { finish(thread_ends_); });
    thread_.join();
  }
  std::unique_lock lock(mutex_);
  // Whoever closes it from inside cannot wait for itself.
  if (driver_ != std::this_thread::get_id()) left_.wait(lock, [&] { return blocked_ == 0; });
}

}  // namespace ipfs_accelerate::host
