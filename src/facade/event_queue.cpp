#include "facade/event_queue.h"

#include <algorithm>
#include <utility>

namespace ipfs_accelerate {

void EventQueue::push(const LoadEvent& event) {
  const auto last = std::ranges::find(events_.rbegin(), events_.rend(), event.file, &LoadEvent::file);
  if (event.status == "progress" && last != events_.rend() && last->status == "progress") {
    *last = event;  // the newer says all
    return;
  }
  if (events_.size() == kMost) {
    const auto ends = [](const LoadEvent& one) { return one.status == "done" || one.status == "ready"; };
    const auto least = std::ranges::find_if_not(events_, ends);
    events_.erase(least == events_.end() ? events_.begin() : least);
  }
  events_.push_back(event);
}

LoadEvent EventQueue::pop() {
  LoadEvent event = std::move(events_.front());
  events_.pop_front();
  return event;
}

}  // namespace ipfs_accelerate
