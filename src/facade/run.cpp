#include "facade/run.h"

namespace ipfs_accelerate {

void Run::Impl::push(const Event& event) {
  if (!listener) return;
  const std::lock_guard lock(mutex);
  events.push(event);
  changed.notify_all();
}

void Run::Impl::settle(Result<RunResult> given) {
  asked.reset();
  const std::lock_guard lock(mutex);
  result.emplace(std::move(given));
  changed.notify_all();
}

Result<RunResult> Run::Impl::wait() {
  std::unique_lock lock(mutex);
  for (;;) {
    changed.wait(lock, [&] { return result || !events.empty(); });
    if (events.empty()) break;
    const Event event = events.pop();
    lock.unlock();
    listener(event);
    lock.lock();
  }
  if (std::exchange(taken, true)) return fail(ErrorCode::kInvalidArgument, "the result of this run was taken before");
  return *std::move(result);
}

void Run::Impl::cancel() {
  const std::lock_guard lock(mutex);  // until the loop has it: who gets the result may close the engine at once
  if (!result) request_on(loop, stop);
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
