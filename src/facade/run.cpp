#include "facade/run.h"

#include <algorithm>

namespace ipfs_accelerate {

void Run::Impl::push(const LoadEvent& event) {
  if (!listener) return;
  const std::lock_guard lock(mutex);
  const auto last = std::ranges::find(events.rbegin(), events.rend(), event.file, &LoadEvent::file);
  if (event.status == "progress" && last != events.rend() && last->status == "progress") {
    *last = event;  // the newer says all
    return;
  }
  if (events.size() >= kMostEvents) {
    const auto ends = [](const LoadEvent& one) { return one.status == "done" || one.status == "ready"; };
    const auto least = std::ranges::find_if_not(events, ends);
    events.erase(least == events.end() ? events.begin() : least);
  }
  events.push_back(event);
  changed.notify_all();
}

void Run::Impl::settle(Result<RunResult> given) {
  const std::lock_guard lock(mutex);
  result.emplace(std::move(given));
  changed.notify_all();
}

Result<RunResult> Run::Impl::wait() {
  std::unique_lock lock(mutex);
  for (;;) {
    changed.wait(lock, [&] { return result || !events.empty(); });
    if (events.empty()) break;
    const LoadEvent event = std::move(events.front());
    events.pop_front();
    lock.unlock();
    listener(event);
    lock.lock();
  }
  if (std::exchange(taken, true)) return fail(ErrorCode::kInvalidArgument, "the result of this run was taken before");
  return *std::move(result);
}

void Run::Impl::cancel() {
  {
    const std::lock_guard lock(mutex);
    if (result) return;  // over; its engine may be gone
  }
  request_on(loop, stop);
}

Run::Run(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Run::Run(Run&&) noexcept = default;
Run& Run::operator=(Run&& other) noexcept {
  std::swap(impl_, other.impl_);
  return *this;
}

Run::~Run() {
  if (!impl_ || done()) return;
  cancel();
  std::unique_lock lock(impl_->mutex);
  impl_->changed.wait(lock, [&] { return impl_->result.has_value(); });
}

Result<RunResult> Run::wait() { return impl_->wait(); }
void Run::cancel() {
  if (impl_) impl_->cancel();
}

bool Run::done() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->result.has_value();
}

}  // namespace ipfs_accelerate
