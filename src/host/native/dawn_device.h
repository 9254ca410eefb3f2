// One open WebGPU device through Dawn: what it can do, its pipelines, and how its errors become Result errors.
#pragma once

#include <dawn/webgpu_cpp.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "backend/webgpu/gpu.h"

namespace dawn::native {
class Instance;
}

namespace ipfs_accelerate::host {

/// How to open a device; for benchmarks and tests, everybody else takes the defaults.
struct DawnOptions {
  std::vector<std::string> toggles;       ///< Dawn toggles besides ours
  std::vector<std::string> switched_off;  ///< features not to use, by name
  std::map<std::string, std::int64_t> tuning;
  bool timestamps = false;
  int submissions = 1;  ///< per run
  int poll_ms = 20;     ///< on real hardware, poll this long for a result before sleeping
};

/// Used by one thread at a time, the GPU's lane; lost() by any.
class DawnDevice {
 public:
  static Result<std::shared_ptr<DawnDevice>> open(const DawnOptions& options = {});
  ~DawnDevice();

  /// Creates every pipeline that is not there yet, as many at once as Dawn has threads for. Same order as `specs`. Once
  /// `stop` is requested no other is begun; those that were stay for the next time. kShaderCompile, kCancelled.
  Result<std::vector<wgpu::ComputePipeline>> pipelines(const std::vector<webgpu::PipelineSpec>& specs,
                                                       const Stop& stop);
  wgpu::BindGroupLayout layout(const std::vector<webgpu::BindingType>& types);
  /// Runs `make` and reports an out-of-memory or validation error it caused.
  template <class Make>
  Result<> checked(Make make);
  /// Blocks until the future is done. kDeviceLost when the device went away meanwhile.
  Result<> wait(wgpu::Future future);
  /// The error a lost device or an uncaptured error left behind.
  Result<> state();
  /// Why the device is lost; empty while it is not.
  std::string lost() const;
  /// Milliseconds to poll for a result before sleeping (quirk poll_for_results).
  int poll_ms() const;

  wgpu::Instance instance;
  wgpu::Adapter adapter;
  wgpu::Device device;
  wgpu::Queue queue;
  DeviceInfo info;
  webgpu::Capabilities capabilities;
  DawnOptions options;

 private:
  DawnDevice() = default;
  Result<> request(const DawnOptions& options);
  Result<> pop_scope();

  std::unique_ptr<dawn::native::Instance> native_;
  std::map<std::string, wgpu::ComputePipeline, std::less<>> pipelines_;
  std::map<std::vector<webgpu::BindingType>, wgpu::BindGroupLayout> layouts_;
  mutable std::mutex error_mutex_;
  std::string lost_, error_;
};

/// Facts of every adapter that computes, best first, without opening one. kNoAdapter.
Result<std::vector<DeviceInfo>> list_adapters();
/// Dawn toggles that adapters are asked for with.
std::vector<const char*> adapter_toggles();

template <class Make>
Result<> DawnDevice::checked(Make make) {
  device.PushErrorScope(wgpu::ErrorFilter::Validation);
  device.PushErrorScope(wgpu::ErrorFilter::OutOfMemory);
  make();
  auto memory = pop_scope();
  auto validation = pop_scope();
  if (!memory) return memory;
  return validation;
}

}  // namespace ipfs_accelerate::host
