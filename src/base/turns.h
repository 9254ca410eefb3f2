// Turns: coroutines that use one thing after the other, or a few at once, in the order in which they asked.
#pragma once

#include <list>
#include <memory>

#include "base/async.h"
#include "base/stop.h"

namespace ipfs_accelerate {

class Turns {
  struct State {
    std::size_t free;
    std::list<Reply<>> waiting;
  };

 public:
  /// `free`: how many may use it at once.
  explicit Turns(std::size_t free = 1) : state_(std::make_shared<State>(free)) {}

  /// Gives the turn on when it goes.
  class Turn {
   public:
    explicit Turn(std::shared_ptr<State> state) : state_(std::move(state)) {}
    Turn(Turn&&) noexcept = default;
    Turn& operator=(Turn&&) = delete;
    ~Turn() {
      if (!state_) return;
      while (!state_->waiting.empty()) {
        const Reply<> next = state_->waiting.front();
        state_->waiting.pop_front();
        if (next.settled()) continue;  // it stopped waiting
        next.settle({});
        return;
      }
      ++state_->free;
    }

   private:
    std::shared_ptr<State> state_;
  };

  /// kCancelled at once when `stop` is requested before it is this one's turn.
  Async<Turn> take(Stop stop) { return wait(state_, std::move(stop)); }
  bool awaited() const { return !state_->waiting.empty(); }

 private:
  static Async<Turn> wait(std::shared_ptr<State> state, Stop stop) {
    co_await stop.check();
    if (state->free > 0) {
      --state->free;
    } else {
      const Reply<> mine;
      const auto at = state->waiting.insert(state->waiting.end(), mine);
      const auto listener = stop.listen([&] {
        if (mine.settled()) return;  // the turn has come
        state->waiting.erase(at);
        mine.settle(stop.check());
      });
      co_await mine.get();  // the turn is handed over
    }
    co_return Turn(std::move(state));
  }
  std::shared_ptr<State> state_;
};

}  // namespace ipfs_accelerate
