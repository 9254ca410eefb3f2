#include "host/native/clock.h"

#include <sys/random.h>

namespace ipfs_accelerate::host {

double NativeClock::now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void NativeClock::random(std::span<std::uint8_t> into) {
  while (!into.empty()) {
    const ssize_t got = ::getrandom(into.data(), std::min<std::size_t>(into.size(), 256), 0);
    if (got > 0) into = into.subspan(static_cast<std::size_t>(got));
  }
}

NativeClock::~NativeClock() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

NativeClock::Nap NativeClock::add(Time until, const Reply<>& reply) {
  const std::lock_guard lock(mutex_);
  const Nap nap{until, ++last_};
  naps_.emplace(nap, reply);
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  changed_.notify_all();
  return nap;
}

void NativeClock::wake(const Reply<>& reply, Result<> with) {
  loop_.answer([reply, with = std::move(with)] { reply.settle(with); });
}

Async<> NativeClock::sleep(double seconds, Stop stop) {
  co_await stop.check();
  const auto length = std::chrono::duration_cast<std::chrono::steady_clock::duration>(
      std::chrono::duration<double>(std::clamp(seconds, 0.0, 1e6)));
  const Reply<> reply;
  loop_.promise();
  const auto nap = add(std::chrono::steady_clock::now() + length, reply);
  const auto listener = stop.listen([this, nap, reply] {
    const std::lock_guard lock(mutex_);
    if (naps_.erase(nap) > 0) wake(reply, fail(ErrorCode::kCancelled, "the caller asked to stop"));
  });
  co_await reply.get();
}

void NativeClock::run() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    if (naps_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const Time first = naps_.begin()->first.first;
    if (std::chrono::steady_clock::now() < first) {
      changed_.wait_until(lock, first);
      continue;
    }
    const Reply<> reply = naps_.begin()->second;
    naps_.erase(naps_.begin());
    wake(reply, {});
  }
}

}  // namespace ipfs_accelerate::host
