// The devices of this machine: opening, choosing, describing.
#include "engine/device_pool.h"

#include <algorithm>

#include "backend/cpu/cpu.h"
#include "backend/webgpu/webgpu.h"

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

Backend& DevicePool::cpu(int threads) {
  std::unique_ptr<Backend>& backend = cpus_[threads];
  if (!backend) backend = cpu::make_backend(threads);
  return *backend;
}

Result<Backend*> DevicePool::webgpu() {
  if (webgpu_error_) return std::unexpected(*webgpu_error_);
  if (!webgpu_) {
    auto made = webgpu::make_backend(cpu(0));
    if (!made) {
      webgpu_error_ = made.error();
      return std::unexpected(made.error());
    }
    webgpu_ = std::move(*made);
  }
  return webgpu_.get();
}

Choice DevicePool::fall_back(const Config& config, std::string why) {
  Backend& backend = cpu(config.threads);
  return {&backend, &backend, "the CPU runs everything", std::move(why)};
}

Result<Choice> DevicePool::choose_auto(const Config& config) {
  Backend& host = cpu(config.threads);
  const auto adapters = webgpu::list_devices();
  if (!adapters) return Choice{&host, &host, "no GPU: " + adapters.error().message, {}};
  const auto real = std::ranges::find_if(*adapters, &DeviceInfo::is_real_hardware);
  if (real == adapters->end()) {
    const std::string name = adapters->empty() ? "none" : adapters->front().name;
    return Choice{&host, &host, "no real GPU; the only WebGPU adapter is software (" + name + ")", {}};
  }
  const auto gpu = webgpu();
  if (!gpu) return Choice{&host, &host, "the GPU " + real->name + " cannot be used: " + gpu.error().message, {}};
  if (!(*gpu)->device().is_real_hardware) {
    return Choice{&host, &host, "the GPU " + real->name + " could not be opened, only a software adapter", {}};
  }
  return Choice{*gpu, &host, "a real GPU is present", {}};
}

Result<Choice> DevicePool::choose(const Config& config) {
  if (config.platform == "cpu") {
    Backend& host = cpu(config.threads);
    return Choice{&host, &host, "asked for", {}};
  }
  if (config.platform == "auto") return choose_auto(config);
  if (config.platform == "webgpu") {
    const auto gpu = webgpu();
    if (gpu) return Choice{*gpu, &cpu(config.threads), "asked for", {}};
    if (config.allow_fallback) return fall_back(config, "webgpu is not usable here: " + gpu.error().message);
    return std::unexpected(gpu.error());
  }
  if (config.platform == "webnn") {
    return fail(
        ErrorCode::kNoAdapter,
        "WebNN exists in browsers only; open the page of `ipfs-accelerate serve` there, or use webgpu or cpu here");
  }
  return fail(ErrorCode::kUnknownPlatform, "no platform '{}'; known: auto, cpu, webgpu, webnn", config.platform);
}

Json DevicePool::describe() {
  Json devices = Json::array({device_json(cpu(0).device())});
  Json json;
  if (auto adapters = webgpu::list_devices()) {
    for (DeviceInfo& adapter : *adapters) {
      // The one that would be opened is described after its self-check.
      if (const auto gpu = webgpu(); gpu && (*gpu)->device().name == adapter.name) adapter = (*gpu)->device();
      devices.push_back(device_json(adapter));
    }
    if (webgpu_error_)
      json["webgpu_error"] = {{"code", error_name(webgpu_error_->code)}, {"message", webgpu_error_->message}};
  } else {
    json["webgpu_error"] = {{"code", error_name(adapters.error().code)}, {"message", adapters.error().message}};
  }
  json["devices"] = devices;
  if (const auto choice = choose_auto({})) {
    const DeviceInfo& device = choice->preferred->device();
    json["auto"] = {{"platform", device.platform}, {"device", device.name}, {"reason", choice->reason}};
  }
  return json;
}

}  // namespace ipfs_accelerate
