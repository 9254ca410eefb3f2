// The devices of this host: opened when first needed, and the rule by which `auto` picks one.
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "backend/backend.h"
#include "base/shared.h"
#include "host/host.h"
#include "ipfs_accelerate/run.h"

namespace ipfs_accelerate {

/// The backend a model is to run on. The CPU takes what that backend declines.
struct Choice {
  std::shared_ptr<Backend> preferred, cpu;
  std::string reason;    ///< why this one
  std::string fallback;  ///< why not the one asked for; empty otherwise
};

class Devices {
 public:
  explicit Devices(host::Host& host) : host_(host) {}
  /// The rule of `auto`: a real GPU through WebGPU, then an accelerated WebNN, else the CPU. A software adapter is
  /// never chosen over the CPU: it would run the same work on the same cores, slower. kUnknownPlatform, kNoAdapter
  /// (when no fallback is allowed), kCancelled. A device is opened once for all who wait for it.
  Async<Choice> choose(Config config, Stop stop);
  /// The CPU, and `why` it is used instead of what was asked for.
  Choice fall_back(const Config& config, std::string why);
  Async<nlohmann::ordered_json> describe(Stop stop);

 private:
  std::shared_ptr<Backend> cpu(int threads);
  using Opened = std::shared_ptr<Backend>;
  using Adapters = std::vector<DeviceInfo>;
  Async<Opened> webgpu(Stop stop);
  Async<Opened> webnn(Stop stop);
  Async<Opened> open_webgpu(Stop stop);
  Async<Opened> open_webnn(Stop stop);
  /// Listed once, and again after the open device was lost.
  Async<Adapters> adapters();
  Async<Choice> choose_auto(Config config, Stop stop);
  Async<Choice> choose_given(Config config, Async<Opened> open);

  host::Host& host_;
  Shared<Opened> opening_webgpu_, opening_webnn_;
  std::map<int, std::weak_ptr<Backend>> cpus_;  ///< by thread count, as long as a model runs there
  std::shared_ptr<Backend> cpu_;                ///< the one on all threads stays
  Opened webgpu_, webnn_;
  std::optional<Result<Adapters>> adapters_;
  std::optional<Error> webgpu_refused_;  ///< it failed its self-check: checking again would cost as much
};

/// "NVIDIA H200 (nvidia, driver 570.1)": what a result says about its device.
std::string adapter_text(const DeviceInfo& device);

}  // namespace ipfs_accelerate
