// Lane: the calls of a device, carried out one after the other by a thread of its own, or by the thread that waits for
// them.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "host/native/loop.h"

namespace ipfs_accelerate::host {

class Lane {
 public:
  explicit Lane(Loop& loop) : loop_(loop) {}
  ~Lane();  ///< what was handed over before is carried out
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  /// Carries `work` out on the lane; what it refers to must live until this ends.
  template <class T>
  Async<T> call(std::function<Result<T>()> work) {
    struct Call {
      std::function<Result<T>()> work;
      std::optional<Result<T>> result;
      Reply<T> reply;
    };
    const auto call = std::make_shared<Call>();
    call->work = std::move(work);
    loop_.promise();
    add([this, call] {
      try {
        call->result = call->work();
      } catch (...) {  // memory may run out in plain work
        call->result = std::unexpected(error_of_exception());
      }
      loop_.answer([call] { call->reply.settle(*std::move(call->result)); });
    });
    if (!loop_.lend(*this)) wake();
    if constexpr (std::is_void_v<T>) {
      co_await call->reply.get();
    } else {
      co_return co_await call->reply.get();
    }
  }
  /// Carries `work` out and tells nobody. From any thread.
  void push(std::function<void()> work);

  /// Carries out what waits, unless the thread is at it already.
  void run_pending();
  /// Leaves what waits to the thread.
  void wake();

 private:
  void add(std::function<void()> work);
  void run();
  void run_first(std::size_t count, std::unique_lock<std::mutex>& lock);

  Loop& loop_;
  std::mutex mutex_;
  std::condition_variable work_ready_;
  std::deque<std::function<void()>> work_;
  bool busy_ = false;  ///< somebody carries work out
  bool ending_ = false;
  std::thread thread_;  ///< begins when first woken
};

}  // namespace ipfs_accelerate::host
