// What happened to a model and was not told yet: bounded, so that a slow listener costs no memory.
#pragma once

#include <cstddef>
#include <deque>

#include "ipfs_accelerate/run.h"

namespace ipfs_accelerate {

/// Not thread-safe.
class EventQueue {
 public:
  static constexpr std::size_t kMost = 64;
  /// Progress replaces older progress of the same file; a full queue leaves out its oldest event that is no "done" and
  /// no "ready".
  void push(const LoadEvent& event);
  bool empty() const { return events_.empty(); }
  LoadEvent pop();

 private:
  std::deque<LoadEvent> events_;
};

}  // namespace ipfs_accelerate
