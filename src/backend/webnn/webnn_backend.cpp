// The WebNN backend: opening, declining, its self-check.
#include "backend/self_check.h"
#include "backend/webnn/lowering.h"
#include "backend/webnn/webnn.h"
#include "backend/webnn/webnn_program.h"
#include "base/shared.h"

namespace ipfs_accelerate::webnn {
namespace {

DeviceInfo describe(const WebnnDevice& device) {
  DeviceInfo info;
  info.platform = "webnn";
  info.name = device.name();
  info.browser = device.browser();
  info.is_real_hardware = !device.on_cpu();
  if (device.has_float16()) info.features.emplace_back("float16");
  return info;
}

class WebnnBackend final : public Backend {
 public:
  WebnnBackend(std::shared_ptr<WebnnDevice> device, Backend& reference)
      : device_(std::move(device)), reference_(reference), info_(describe(*device_)) {}

  const DeviceInfo& device() const override { return info_; }
  const WebnnDevice& webnn() const { return *device_; }

  std::string declines(const Graph& graph, const Node& node, const LoadOptions& options) const override {
    return webnn::declines(graph, node, device_->limits(), {.precision = usable_precision(options.precision)});
  }

  Result<Memory> predict(const Graph& graph, const ShapeClass& shape, const LoadOptions& options) const override {
    IA_TRY(graph.check(shape));
    return webnn::predict(graph, shape, usable_precision(options.precision), device_->known_contexts());
  }

  Async<std::unique_ptr<Program>> load(Graph graph, LoadOptions options, Stop stop) override {
    co_await stop.check();
    co_await device_->usable();
    if (options.precision == 16 && !f16_checked_) {
      co_await checking_.join([this](Stop all) { return check_f16_once(all); }, stop);
    }
    co_return make(std::move(graph), options.precision);
  }

  Async<> check_f32(Stop stop) {
    const std::string why = co_await complaint(32, stop);
    if (!why.empty()) co_await fail(ErrorCode::kSelfCheckFailed, "{} computes wrong numbers: {}", info_.name, why);
  }

 private:
  int usable_precision(int asked) const { return asked == 16 && device_->has_float16() ? 16 : 32; }

  std::unique_ptr<Program> make(Graph graph, int asked) {
    return std::make_unique<WebnnProgram>(device_, std::move(graph), asked, usable_precision(asked));
  }

  Async<std::string> complaint(int precision, Stop stop) {
    CheckedDevice device;
    device.precision = precision;
    device.declines = [this, precision](const Graph& graph, const Node& node) {
      return declines(graph, node, {.precision = precision});
    };
    device.load = [this, precision](Graph graph, Stop) -> Async<std::unique_ptr<Program>> {
      co_return make(std::move(graph), precision);
    };
    co_return co_await self_check(std::move(device), reference_, stop);
  }

  Async<> check_f16_once(Stop stop) {
    const std::string why = device_->has_float16() ? co_await complaint(16, stop) : std::string();
    if (!why.empty()) {
      device_->refuse_float16();
      info_.switched_off.push_back("float16: " + why);
    }
    f16_checked_ = true;
  }

  std::shared_ptr<WebnnDevice> device_;
  Backend& reference_;
  DeviceInfo info_;
  bool f16_checked_ = false;
  Shared<> checking_;
};

}  // namespace

Async<std::unique_ptr<Backend>> make_backend(Webnn& port, Backend& reference, std::function<double()> now,
                                             int processors, Stop stop) {
  OpenedContext opened = co_await port.open(stop);
  auto device = std::make_shared<WebnnDevice>(port, std::move(opened), std::move(now), processors);
  auto backend = std::make_unique<WebnnBackend>(std::move(device), reference);
  co_await backend->check_f32(stop);
  co_return std::unique_ptr<Backend>(std::move(backend));
}

bool is_lost(const Backend& backend) { return static_cast<const WebnnBackend&>(backend).webnn().lost(); }
bool is_accelerated(const Backend& backend) { return static_cast<const WebnnBackend&>(backend).webnn().accelerated(); }

}  // namespace ipfs_accelerate::webnn
