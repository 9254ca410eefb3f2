// The Backend of a Dawn device.
#pragma once

#include "backend/webgpu/dawn_program.h"

namespace ipfs_accelerate::webgpu {

class DawnBackend final : public Backend {
 public:
  /// Without the self-check, for tests and benchmarks; make_backend() is for everybody else.
  static Result<std::unique_ptr<DawnBackend>> open(const DawnOptions& options);
  explicit DawnBackend(std::shared_ptr<DawnDevice> device) : device_(std::move(device)) {}

  const DeviceInfo& device() const override { return device_->info; }
  std::string declines(const Graph& graph, const Node& node, const LoadOptions& options) const override;
  Result<std::unique_ptr<Program>> load(const Graph& graph, const LoadOptions& options) override;
  DawnDevice& dawn() { return *device_; }
  /// Puts the f16 check off until the first load at precision 16. `reference` must live as long.
  void check_f16_at_first_use(Backend& reference) { reference_ = &reference; }

 private:
  std::shared_ptr<DawnDevice> device_;
  Backend* reference_ = nullptr;  ///< while the f16 check is still to come
};

}  // namespace ipfs_accelerate::webgpu
