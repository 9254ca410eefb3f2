#include "facade/event_queue.h"

#include <algorithm>
#include <utility>

namespace ipfs_accelerate {
namespace {

bool is_load(const Event& event) { return std::holds_alternative<LoadEvent>(event); }

bool may_go(const Event& event) {
  const auto* const load = std::get_if<LoadEvent>(&event);
  return load && load->status != "done" && load->status != "ready";
}

/// The newest queued event of a kind with this value in a field; null when there is none.
template <class Kind, class Value>
Kind* last_with(std::deque<Event>& events, Value Kind::* field, const Value& value) {
  for (auto at = events.rbegin(); at != events.rend(); ++at) {
    auto* const one = std::get_if<Kind>(&*at);
    if (one && one->*field == value) return one;
  }
  return nullptr;
}

}  // namespace

void EventQueue::push(const Event& event) {
  if (const auto* const load = std::get_if<LoadEvent>(&event)) return push_load(*load);
  push_text(std::get<TextEvent>(event));
}

void EventQueue::push_load(const LoadEvent& event) {
  LoadEvent* const last = last_with(events_, &LoadEvent::file, event.file);
  if (event.status == "progress" && last && last->status == "progress") {
    *last = event;  // the newer says all
    return;
  }
  make_room();
  events_.emplace_back(event);
}

void EventQueue::push_text(const TextEvent& event) {
  TextEvent* const last = events_.size() >= kMost ? last_with(events_, &TextEvent::item, event.item) : nullptr;
  if (last) {
    last->text += event.text;
    last->token = event.token;
    last->end = event.end;
    return;
  }
  make_room();
  events_.emplace_back(event);
}

/// In a full queue: what says least, else the oldest load event; where there is only text, the queue grows.
void EventQueue::make_room() {
  if (events_.size() < kMost) return;
  auto least = std::ranges::find_if(events_, may_go);
  if (least == events_.end()) least = std::ranges::find_if(events_, is_load);
  if (least != events_.end()) events_.erase(least);
}

Event EventQueue::pop() {
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

}  // namespace ipfs_accelerate
