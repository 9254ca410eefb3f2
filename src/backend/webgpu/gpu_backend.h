// The Backend over the port Gpu: what the device may use, and its self-check.
#pragma once

#include "backend/webgpu/webgpu.h"
#include "base/shared.h"

namespace ipfs_accelerate::webgpu {

class GpuBackend final : public Backend {
 public:
  /// Without any check; make_backend() is for everybody but tests and benchmarks.
  static Async<std::unique_ptr<GpuBackend>> open_unchecked(Gpu& gpu, Compute* compute = nullptr, Stop stop = {});
  GpuBackend(Gpu& gpu, Compute* compute, OpenedGpu opened)
      : gpu_(gpu), compute_(compute), info_(std::move(opened.info)), capabilities_(std::move(opened.capabilities)) {}

  const DeviceInfo& device() const override { return info_; }
  const Capabilities& capabilities() const { return capabilities_; }
  std::string declines(const Graph& graph, const Node& node, const LoadOptions& options) const override;
  Result<Memory> predict(const Graph& graph, const ShapeClass& shape, const LoadOptions& options) const override;
  Async<std::unique_ptr<Program>> load(Graph graph, LoadOptions options, Stop stop) override;

  /// Checks one precision. Switches features off by name (DeviceInfo::switched_off says why) until the numbers are
  /// right; kSelfCheckFailed when they are wrong with no feature left; kCancelled leaves the features as they were.
  Async<> check(Backend& reference, int precision, Stop stop);
  /// Puts the f16 check off until the first load at precision 16.
  void check_f16_at_first_use(Backend& reference) { unchecked_f16_ = &reference; }

 private:
  Async<std::string> complaint(Capabilities capabilities, int precision, Backend& reference, Stop stop);
  Async<> check_f32(Backend& reference, Stop stop);
  Async<> check_f16(Backend& reference, Stop stop);
  Async<> check_f16_once(Stop stop);
  template <class Feature>
  void switch_off(Feature& feature, const char* name, const std::string& why);

  Gpu& gpu_;
  Compute* compute_;
  DeviceInfo info_;
  Capabilities capabilities_;
  Backend* unchecked_f16_ = nullptr;  ///< the reference, while the f16 check is still to come
  Shared<> checking_;
};

}  // namespace ipfs_accelerate::webgpu
