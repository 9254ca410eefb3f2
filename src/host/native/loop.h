// Loop: drives the executor natively. Whoever blocks on it drives it, or a thread of its own under a server.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/async.h"

namespace ipfs_accelerate::host {

class Lane;

class Loop {
 public:
  Loop() = default;
  ~Loop() { close(); }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// For the driver: what runs in here may use it, other threads post().
  Executor& executor() { return executor_; }

  /// Calls `work` on the thread that drives, as soon as one does. From any thread.
  void post(std::function<void()> work);

  /// Runs `work` to its end. From any thread, several at once: one of them drives, the others wait and take over when
  /// it leaves. What runs in here may block on it again.
  template <class T>
  Result<T> block_on(Async<T> work) {
    std::optional<Result<T>> result;
    Waiter me;
    enter([&] {
      start(executor_, std::move(work), [&](Result<T> given) {
        result = std::move(given);
        finish(me);
      });
    });
    drive_until_done(me);
    leave();
    return *std::move(result);
  }

  /// A thread of its own drives from now until close().
  void start_thread();
  /// Drives until nothing is ready and every promised answer has come; ends the own thread, and returns when every
  /// thread that blocks on the loop has left it.
  void close();

  /// A thread outside will answer() once: close() waits for it.
  void promise();
  void answer(std::function<void()> work);

  /// Whether the calling thread will do the lane's work itself, which saves waking two threads: it drives, blocks until
  /// an answer comes, and the lane's is the only one owed, so that nobody waits for it meanwhile.
  bool lend(Lane& lane);

 private:
  struct Waiter {
    std::condition_variable wake;
    bool done = false;
    bool lends = true;  ///< while it waits alone, its thread does the lane's work
  };
  void enter(std::function<void()> work);
  void leave();
  void finish(Waiter& waiter);
  void drive_until_done(Waiter& me);
  void take_over(Waiter& me, std::unique_lock<std::mutex>& lock);
  void wake_next();
  void help(Waiter& me, std::unique_lock<std::mutex>& lock);
  void hand_over(std::unique_lock<std::mutex>& lock);
  void drive(Waiter& me, std::unique_lock<std::mutex>& lock);
  bool run_posted(std::unique_lock<std::mutex>& lock);

  Executor executor_;  // touched by the driver only
  std::mutex mutex_;
  std::condition_variable work_ready_;
  std::deque<std::function<void()>> inbox_;
  std::list<Waiter*> waiting_;  // to become the driver
  std::thread::id driver_;      // none: a default id
  Waiter* driving_ = nullptr;   // of the driver; the inner one where it blocked again
  Lane* lent_ = nullptr;        // its work is the driver's as soon as nothing else is ready
  bool closing_ = false;
  int promised_ = 0;
  int blocked_ = 0;  // calls of block_on
  std::condition_variable left_;
  Waiter thread_ends_;
  std::thread thread_;
};

}  // namespace ipfs_accelerate::host
