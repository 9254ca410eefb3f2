// Stop: how a caller ends work that has begun. One for everything: waiting, fetching, computing.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <memory>

#include "base/result.h"

namespace ipfs_accelerate {

/// Copies share one request. requested() and flag() may be read from any thread, and the flag may be set from any
/// (the page writes it where memory is shared); request() and listen() belong to the thread that drives the executor.
class Stop {
  struct State {
    std::atomic<std::int32_t> flag{0};
    std::list<std::function<void()>> listeners;
  };

 public:
  /// Takes its callback back when it goes.
  class Listener {
   public:
    Listener() = default;
    Listener(std::shared_ptr<State> state, std::list<std::function<void()>>::iterator at)
        : state_(std::move(state)), at_(at) {}
    Listener(Listener&& other) noexcept : state_(std::move(other.state_)), at_(other.at_) {}
    Listener& operator=(Listener&& other) noexcept {
      std::swap(state_, other.state_);
      std::swap(at_, other.at_);
      return *this;
    }
    ~Listener() {
      if (state_) state_->listeners.erase(at_);
    }

   private:
    std::shared_ptr<State> state_;
    std::list<std::function<void()>>::iterator at_;
  };

  bool requested() const { return state_->flag.load(std::memory_order_relaxed) != 0; }
  std::atomic<std::int32_t>& flag() const { return state_->flag; }
  /// kCancelled once it was requested.
  Result<> check() const {
    if (requested()) return fail(ErrorCode::kCancelled, "the caller asked to stop");
    return {};
  }
  void request() const {
    state_->flag.store(1, std::memory_order_relaxed);
    const std::list<std::function<void()>> told = state_->listeners;  // one may take itself back
    for (const auto& listener : told) listener();
  }
  /// `told` is called by request(), not when the request came before: check() first.
  Listener listen(std::function<void()> told) const {
    state_->listeners.push_back(std::move(told));
    return {state_, std::prev(state_->listeners.end())};
  }

 private:
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace ipfs_accelerate
