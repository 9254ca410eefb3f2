// Turns: coroutines that use one thing after the other, in the order in which they asked.
#pragma once

#include <deque>
#include <memory>

#include "base/async.h"

namespace ipfs_accelerate {

class Turns {
  struct State {
    bool taken = false;
    std::deque<Reply<>> waiting;
  };

 public:
  /// Gives the turn on when it goes.
  class Turn {
   public:
    explicit Turn(std::shared_ptr<State> state) : state_(std::move(state)) {}
    Turn(Turn&&) noexcept = default;
    Turn& operator=(Turn&&) = delete;
    ~Turn() {
      if (!state_) return;
      if (state_->waiting.empty()) {
        state_->taken = false;
        return;
      }
      const Reply<> next = state_->waiting.front();
      state_->waiting.pop_front();
      next.settle({});
    }

   private:
    std::shared_ptr<State> state_;
  };

  Async<Turn> take() { return wait(state_); }

 private:
  static Async<Turn> wait(std::shared_ptr<State> state) {
    if (state->taken) {
      const Reply<> mine;
      state->waiting.push_back(mine);
      co_await mine.get();  // the turn is handed over taken
    }
    state->taken = true;
    co_return Turn(std::move(state));
  }
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace ipfs_accelerate
