#include "facade/cancel.h"

namespace ipfs_accelerate {

void request_on(host::Loop& loop, const Stop& stop) {
  stop.flag().store(1, std::memory_order_relaxed);
  loop.post([stop] { stop.request(); });
}

CancelledCall::CancelledCall(const Cancel& cancel, host::Loop& loop) : state_(cancel.state_), loop_(loop) {
  const std::lock_guard lock(state_->mutex);
  if (state_->requested) stop_.request();
  state_->calls.push_back(this);
}

CancelledCall::~CancelledCall() {
  const std::lock_guard lock(state_->mutex);
  state_->calls.remove(this);
}

Cancel::Cancel() : state_(std::make_shared<State>()) {}

void Cancel::request() const {
  const std::lock_guard lock(state_->mutex);
  if (std::exchange(state_->requested, true)) return;
  for (const CancelledCall* call : state_->calls) request_on(call->loop_, call->stop_);
}

bool Cancel::requested() const {
  const std::lock_guard lock(state_->mutex);
  return state_->requested;
}

}  // namespace ipfs_accelerate
