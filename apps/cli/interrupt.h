// Ctrl-C: the first cancels the call under way, the second kills.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <thread>

#include "output.h"

namespace ipfs_accelerate::cli {

/// Takes SIGINT for as long as it lives; made before the engine, so that no other thread gets it. Where the signal was
/// ignored when the program began (nohup, background jobs), it stays ignored.
class Interrupt {
 public:
  explicit Interrupt(const Context& context);
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  /// For the options of calls inside during().
  const Cancel& cancel() const { return cancel_; }
  /// Calls `work`, during which Ctrl-C cancels; outside, while input is read, it ends the program at once. kCancelled
  /// once Ctrl-C came, also when `work` was over already.
  Result<> during(const std::function<Result<>()>& work);
  /// Cancels the work under way, from its own listener: during() then gives `why`.
  void give_up(Error why);

 private:
  void watch();

  const Context& context_;
  Cancel cancel_;
  std::atomic<bool> at_work_ = false, ending_ = false;
  bool taken_ = false;
  std::optional<Error> given_up_;
  std::thread thread_;
};

/// with_engine(), with Ctrl-C.
int with_interrupt(const Context& context, const std::function<Result<>(Engine&, Interrupt&)>& work);

}  // namespace ipfs_accelerate::cli
