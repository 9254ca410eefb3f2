// Shared: work that several coroutines await at once; it is begun by the first, and asked to stop when the last of them
// was.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/async.h"
#include "base/stop.h"

namespace ipfs_accelerate {

template <class T = void>
class Shared {
 public:
  /// Begins `work`, or joins it while it is under way. `stop` ends this wait at once and the work only when nobody else
  /// waits for it; the last to leave waits until it has ended. Whoever comes in between begins it again.
  Async<T> join(std::function<Async<T>(Stop)> work, Stop stop) {
    Executor& executor = co_await this_executor();
    for (;;) {
      co_await stop.check();
      if (!state_->under_way) begin(executor, work);
      const std::shared_ptr<UnderWay> mine = state_->under_way;
      ++mine->waiting;
      const bool stopped = !co_await as_result(ended_or_stopped(mine, stop));
      if (--mine->waiting == 0 && stopped && !mine->result) {
        mine->stop.request();
        co_await ended_or_stopped(mine, Stop());
      }
      co_await stop.check();
      const bool given_up = !*mine->result && mine->result->error().code == ErrorCode::kCancelled;
      if (given_up) continue;  // by the others, before this one came
      if constexpr (std::is_void_v<T>) {
        co_await *mine->result;
        co_return;
      } else {
        co_return *mine->result;
      }
    }
  }

 private:
  struct UnderWay {
    Stop stop;
    int waiting = 0;
    std::optional<Result<T>> result;
    std::vector<Reply<>> told;
  };
  struct State {
    std::shared_ptr<UnderWay> under_way;
  };

  void begin(Executor& executor, const std::function<Async<T>(Stop)>& work) {
    const auto fresh = std::make_shared<UnderWay>();
    state_->under_way = fresh;
    start(executor, work(fresh->stop), [state = state_, fresh](Result<T> result) {
      fresh->result = std::move(result);
      state->under_way.reset();
      for (const Reply<>& reply : fresh->told) reply.settle({});
    });
  }
  static Async<> ended_or_stopped(std::shared_ptr<UnderWay> mine, Stop stop) {
    if (mine->result) co_return;
    const Reply<> told;
    mine->told.push_back(told);
    const Stop::Listener listener = stop.listen([told, stop] { told.settle(stop.check()); });
    co_await told.get();
  }

  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace ipfs_accelerate
