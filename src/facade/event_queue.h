// What happened to a run and was not told yet: bounded, so that a slow listener costs no memory.
#pragma once

#include <cstddef>
#include <deque>

#include "ipfs_accelerate/run.h"

namespace ipfs_accelerate {

/// Not thread-safe.
class EventQueue {
 public:
  static constexpr std::size_t kMost = 64;
  /// Progress replaces older progress of the same file; a full queue leaves out its oldest load event that is no "done"
  /// and no "ready". Text is never left out: in a full queue it joins the last text of the same item, so that what is
  /// beyond the limit is one event for each item at most.
  void push(const Event& event);
  bool empty() const { return events_.empty(); }
  Event pop();

 private:
  void push_load(const LoadEvent& event);
  void push_text(const TextEvent& event);
  void make_room();
  std::deque<Event> events_;
};

}  // namespace ipfs_accelerate
