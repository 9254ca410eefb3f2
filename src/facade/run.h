// A run under way: what the engine's thread and the caller's thread share.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>

#include "facade/cancel.h"
#include "facade/event_queue.h"

namespace ipfs_accelerate {

struct Run::Impl {
  Impl(host::Loop& loop, Listener listener, const Cancel& cancel)
      : loop(loop), listener(std::move(listener)), asked(std::in_place, cancel, loop), stop(asked->stop()) {}

  /// On the engine's thread.
  void push(const Event& event);
  void settle(Result<RunResult> given);
  /// On the caller's.
  Result<RunResult> wait();
  void cancel();

  host::Loop& loop;
  const Listener listener;
  std::optional<CancelledCall> asked;  ///< until it is over: who has the result may close the engine at once
  const Stop stop;
  mutable std::mutex mutex;
  std::condition_variable changed;
  EventQueue events;
  std::optional<Result<RunResult>> result;
  bool taken = false;
};

}  // namespace ipfs_accelerate
