// The devices of this host: opening, choosing, describing.
#include "engine/devices.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "backend/cpu/cpu.h"
#include "backend/webgpu/webgpu.h"
#include "backend/webnn/webnn.h"
#include "engine/json_forms.h"

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::ordered_json;

Json device_json(const DeviceInfo& device) {
  Json limits = Json::object();
  for (const auto& [name, value] : device.limits) limits[name] = value;
  Json json = {
      {"platform", device.platform},         {"name", device.name},     {"vendor", device.vendor},
      {"architecture", device.architecture}, {"driver", device.driver}, {"is_real_hardware", device.is_real_hardware},
      {"features", device.features},         {"limits", limits},        {"switched_off", device.switched_off}};
  if (device.threads > 0) json["threads"] = device.threads;
  return json;
}

}  // namespace

std::string adapter_text(const DeviceInfo& device) {
  std::string details;
  const auto append = [&](const std::string& text) {
    if (text.empty() || device.name.contains(text) || details.contains(text)) return;
    details += (details.empty() ? "" : ", ") + text;
  };
  append(device.vendor);
  append(device.architecture);
  append(device.driver);
  if (device.threads > 0) append(std::to_string(device.threads) + (device.threads == 1 ? " thread" : " threads"));
  if (!device.is_real_hardware) append("software");
  return details.empty() ? device.name : device.name + " (" + details + ")";
}

std::shared_ptr<Backend> Devices::cpu(int threads) {
  std::shared_ptr<Backend> backend = cpus_[threads].lock();
  if (!backend) cpus_[threads] = backend = cpu::make_backend(host_.compute, threads);
  if (threads == 0) cpu_ = backend;
  return backend;
}

Async<Devices::Opened> Devices::webgpu(Stop stop) {
  if (host_.gpu == nullptr) co_await fail(ErrorCode::kNoAdapter, "this host has no WebGPU");
  if (webgpu_ && !host_.gpu->lost().empty()) webgpu_.reset();  // models on the lost device keep their error
  if (webgpu_) co_return webgpu_;
  if (webgpu_refused_) co_await std::unexpected(*webgpu_refused_);
  co_return co_await opening_webgpu_.join([this](Stop all) { return open_webgpu(all); }, stop);
}

Async<Devices::Opened> Devices::open_webgpu(Stop stop) {
  auto made = co_await as_result(webgpu::make_backend(*host_.gpu, *cpu(0), &host_.compute, stop));
  if (!made) {
    if (made.error().code == ErrorCode::kSelfCheckFailed) webgpu_refused_ = made.error();
    co_await std::unexpected(made.error());
  }
  webgpu_ = *std::move(made);
  co_return webgpu_;
}

Async<Devices::Opened> Devices::webnn(Stop stop) {
  if (host_.webnn == nullptr) {
    co_await fail(
        ErrorCode::kNoAdapter,
        "WebNN exists in browsers only; open the page of `ipfs-accelerate serve` there, or use webgpu or cpu here");
  }
  if (webnn_ && !webnn::is_lost(*webnn_)) co_return webnn_;
  co_return co_await opening_webnn_.join([this](Stop all) { return open_webnn(all); }, stop);
}

Async<Devices::Opened> Devices::open_webnn(Stop stop) {
  webnn_ = co_await webnn::make_backend(
      *host_.webnn, *cpu(0), [&clock = host_.clock] { return clock.now(); }, host_.compute.threads(), stop);
  co_return webnn_;
}

Async<Devices::Adapters> Devices::adapters() {
  if (host_.gpu == nullptr) co_await fail(ErrorCode::kNoAdapter, "no WebGPU here");
  if (!adapters_ || !host_.gpu->lost().empty()) adapters_ = co_await as_result(host_.gpu->list());
  co_return *adapters_;
}

Choice Devices::fall_back(const Config& config, std::string why) {
  const auto backend = cpu(config.threads);
  return {backend, backend, "the CPU runs everything", std::move(why)};
}

Async<Choice> Devices::choose_auto(Config config, Stop stop) {
  const auto host_cpu = cpu(config.threads);
  std::string missing;
  const auto miss = [&](const std::string& why) { missing += (missing.empty() ? "" : "; ") + why; };
  const auto adapters = co_await as_result(this->adapters());
  // A software adapter is not opened: checking it would cost more than most runs.
  const auto real = adapters ? std::ranges::find_if(*adapters, &DeviceInfo::is_real_hardware)
                             : std::vector<DeviceInfo>::const_iterator{};
  if (!adapters) {
    miss("no GPU: " + adapters.error().message);
  } else if (real == adapters->end()) {
    const std::string name = adapters->empty() ? "none" : adapters->front().name;
    miss("no real GPU; the only WebGPU adapter is software (" + name + ")");
  } else {
    const auto gpu = co_await as_result(webgpu(stop));
    co_await stop.check();
    if (gpu && (*gpu)->device().is_real_hardware) co_return Choice{*gpu, host_cpu, "a real GPU is present", {}};
    miss("the GPU " + real->name +
         " cannot be used: " + (gpu ? "only a software adapter could be opened" : gpu.error().message));
  }
  if (host_.webnn != nullptr) {
    const auto accelerator = co_await as_result(webnn(stop));
    co_await stop.check();
    if (accelerator && webnn::is_accelerated(**accelerator)) {
      co_return Choice{*accelerator, host_cpu, "WebNN says that an accelerator computes", {}};
    }
    miss(accelerator ? "WebNN names no accelerator" : accelerator.error().message);
  }
  co_return Choice{host_cpu, host_cpu, missing, {}};
}

Async<Choice> Devices::choose_given(Config config, Async<Opened> open) {
  auto device = co_await as_result(std::move(open));
  if (device) co_return Choice{*device, cpu(config.threads), "asked for", {}};
  const bool cancelled = device.error().code == ErrorCode::kCancelled;
  if (cancelled || !config.allow_fallback) co_await std::unexpected(device.error());
  co_return fall_back(config, config.platform + " is not usable here: " + device.error().message);
}

Async<Choice> Devices::choose(Config config, Stop stop) {
  if (config.platform == "cpu") {
    const auto backend = cpu(config.threads);
    co_return Choice{backend, backend, "asked for", {}};
  }
  if (config.platform == "auto") co_return co_await choose_auto(config, stop);
  if (config.platform == "webgpu") co_return co_await choose_given(config, webgpu(stop));
  if (config.platform == "webnn") {
    // A host that never has WebNN does not fall back: the caller is in the wrong place.
    if (host_.webnn == nullptr) co_await webnn(stop);
    co_return co_await choose_given(config, webnn(stop));
  }
  co_return fail(ErrorCode::kUnknownPlatform, "no platform '{}'; known: auto, cpu, webgpu, webnn", config.platform);
}

Async<Json> Devices::describe(Stop stop) {
  Json json = {{"browser", host_.browser}};
  Json devices = Json::array({device_json(cpu(0)->device())});
  if (host_.gpu != nullptr) {
    adapters_.reset();  // whoever asks wants to know what is there now
    auto adapters = co_await as_result(this->adapters());
    if (adapters) {
      const auto gpu = co_await as_result(webgpu(stop));
      co_await stop.check();
      if (!gpu) json["webgpu_error"] = gpu.error();
      for (DeviceInfo& adapter : *adapters) {
        // The one that was opened is described as it is after its self-check.
        if (gpu && (*gpu)->device().name == adapter.name) adapter = (*gpu)->device();
        devices.push_back(device_json(adapter));
      }
    } else {
      json["webgpu_error"] = adapters.error();
    }
  }
  if (host_.webnn != nullptr) {
    const auto accelerator = co_await as_result(webnn(stop));
    co_await stop.check();
    if (accelerator)
      devices.push_back(device_json((*accelerator)->device()));
    else
      json["webnn_error"] = accelerator.error();
  }
  json["devices"] = devices;
  const Choice choice = co_await choose_auto({}, stop);
  const DeviceInfo& device = choice.preferred->device();
  json["auto"] = {{"platform", device.platform}, {"device", device.name}, {"reason", choice.reason}};
  co_return json;
}

}  // namespace ipfs_accelerate
