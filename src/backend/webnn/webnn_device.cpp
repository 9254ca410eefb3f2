// An open WebNN device, and how many of its contexts are worth using at once.
#include "backend/webnn/webnn_device.h"

#include <algorithm>

#include "backend/webnn/limits.h"
#include "backend/webnn/probe.h"
#include "backend/webnn/webnn.h"

namespace ipfs_accelerate::webnn {
namespace {

/// A second copy of the weights must be worth it.
constexpr double kLeastGain = 1.4;

}  // namespace

WebnnDevice::WebnnDevice(Webnn& port, OpenedContext opened, std::function<double()> now, int processors)
    : port_(port),
      first_(std::move(opened)),
      now_(std::move(now)),
      processors_(processors),
      float16_(Limits(first_.limits_json).refuses("matmul", "a", "float16", 2).empty()) {}

WebnnDevice::~WebnnDevice() {
  for (const ContextId context : contexts_) {
    if (context != first_.id) port_.drop_context(context);
  }
  port_.drop_context(first_.id);
}

std::string WebnnDevice::name() const {
  if (!first_.accelerated) return "WebNN; the browser does not name the device";
  return *first_.accelerated ? "WebNN, accelerated" : "WebNN on the CPU";
}

Result<> WebnnDevice::usable() const {
  if (lost_) return fail(ErrorCode::kDeviceLost, "{}", *lost_);
  return {};
}

Error WebnnDevice::remember(Error error) {
  if (error.code != ErrorCode::kDeviceLost) return error;
  if (!lost_) lost_ = "the browser closed its WebNN context: " + error.message + "; the next call loads the model anew";
  error.message = *lost_;
  return error;
}

Async<std::vector<ContextId>> WebnnDevice::contexts(Stop stop) {
  const Turns::Turn turn = co_await measuring_.take(std::move(stop));
  if (contexts_.empty()) contexts_ = co_await measure();
  co_return contexts_;
}

Async<std::vector<ContextId>> WebnnDevice::measure() {
  std::vector<ContextId> contexts{first_.id};
  const int count = std::min(kMostContexts, processors_);
  if (accelerated() || count < 2) co_return contexts;
  Result<double> gain = 0.0;
  for (int i = 1; i < count && gain; ++i) {
    auto opened = co_await as_result(port_.open(Stop()));
    if (opened) {
      contexts.push_back(opened->id);
    } else {
      gain = std::unexpected(opened.error());
    }
  }
  if (gain) gain = co_await as_result(gain_of(port_, contexts, limits(), now_));
  // A device that cannot run the probe is used as it is.
  if (gain && *gain >= kLeastGain) co_return contexts;
  for (std::size_t i = 1; i < contexts.size(); ++i) port_.drop_context(contexts[i]);
  contexts.resize(1);
  co_return contexts;
}

}  // namespace ipfs_accelerate::webnn
