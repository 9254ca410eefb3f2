// The devices of this machine: opened when first needed, and the rule by which `auto` picks one.
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "backend/backend.h"
#include "ipfs_accelerate/ipfs_accelerate.h"

namespace ipfs_accelerate {

/// The backend a model is to run on. The CPU takes what that backend declines.
struct Choice {
  Backend* preferred = nullptr;
  Backend* cpu = nullptr;
  std::string reason;    ///< why this one
  std::string fallback;  ///< why not the one asked for; empty otherwise
};

/// Not thread-safe: the engine guards it.
class DevicePool {
 public:
  /// The rule of `auto`: a real GPU through WebGPU, else the CPU. A software adapter is never chosen over the CPU: it
  /// would run the same work on the same cores, slower. kUnknownPlatform, kNoAdapter (when no fallback is allowed).
  Result<Choice> choose(const Config& config);
  /// The CPU, and `why` it is used instead of what was asked for.
  Choice fall_back(const Config& config, std::string why);
  nlohmann::ordered_json describe();

 private:
  Backend& cpu(int threads);
  Result<Backend*> webgpu();
  Result<Choice> choose_auto(const Config& config);

  std::map<int, std::unique_ptr<Backend>> cpus_;  ///< by thread count
  std::unique_ptr<Backend> webgpu_;
  std::optional<Error> webgpu_error_;
};

/// "NVIDIA H200 (nvidia, driver 570.1)": what a result says about its device.
std::string adapter_text(const DeviceInfo& device);

}  // namespace ipfs_accelerate
