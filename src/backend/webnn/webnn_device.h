// An open WebNN device: its contexts, what they can do, and whether they are still there.
#pragma once

#include <functional>

#include "backend/webnn/webnn_port.h"
#include "base/turns.h"

namespace ipfs_accelerate::webnn {

/// Shared by the backend and everything it made.
class WebnnDevice {
 public:
  WebnnDevice(Webnn& port, OpenedContext opened, std::function<double()> now, int processors);
  ~WebnnDevice();
  WebnnDevice(const WebnnDevice&) = delete;
  WebnnDevice& operator=(const WebnnDevice&) = delete;

  Webnn& port() const { return port_; }
  const std::string& browser() const { return first_.browser; }
  const std::string& limits() const { return first_.limits_json; }
  bool accelerated() const { return first_.accelerated == true; }
  bool on_cpu() const { return first_.accelerated == false; }  ///< the browser says so
  ContextId context() const { return first_.id; }
  /// As far as the browser says what computes.
  std::string name() const;
  /// Whether matrices of f16 can be multiplied here.
  bool has_float16() const { return float16_; }
  void refuse_float16() { float16_ = false; }

  /// Contexts that compute side by side, the first one among them; found out by measuring when first asked for, which
  /// takes a moment and is remembered: `stop` ends waiting for another's measuring, not one's own.
  Async<std::vector<ContextId>> contexts(Stop stop);

  /// How many contexts() gives; 1 before it was asked.
  std::size_t known_contexts() const { return std::max<std::size_t>(contexts_.size(), 1); }

  bool lost() const { return lost_.has_value(); }
  /// kDeviceLost once a call said so.
  Result<> usable() const;
  /// Passes the result on, and remembers that the device is lost.
  template <class T>
  Async<T> watch(Async<T> call) {
    co_await usable();
    auto result = co_await as_result(std::move(call));
    if (!result) co_await std::unexpected(remember(std::move(result).error()));
    if constexpr (!std::is_void_v<T>) co_return *std::move(result);
  }

 private:
  Async<std::vector<ContextId>> measure();
  Error remember(Error error);

  Webnn& port_;
  OpenedContext first_;
  std::function<double()> now_;
  int processors_;
  bool float16_;
  std::optional<std::string> lost_;
  Turns measuring_;
  std::vector<ContextId> contexts_;  ///< empty until measured
};

}  // namespace ipfs_accelerate::webnn
