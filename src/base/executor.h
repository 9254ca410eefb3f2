// Executor: the one queue in which every coroutine of an engine is resumed. No threads: whoever drives it runs it.
#pragma once

#include <coroutine>
#include <deque>

namespace ipfs_accelerate {

/// Not thread-safe: post() and run() are called by the thread that drives it at the moment.
class Executor {
 public:
  void post(std::coroutine_handle<> ready) { ready_.push_back(ready); }
  /// Resumes what is ready, first come first served, until nothing is. True when something was.
  bool run() {
    if (!run_one()) return false;
    while (run_one()) {
    }
    return true;
  }
  /// Resumes the first that is ready. True when there was one.
  bool run_one() {
    if (ready_.empty()) return false;
    const std::coroutine_handle<> next = ready_.front();
    ready_.pop_front();
    next.resume();
    return true;
  }

 private:
  std::deque<std::coroutine_handle<>> ready_;
};

}  // namespace ipfs_accelerate
