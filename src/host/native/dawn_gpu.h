// The port Gpu on Dawn: everything happens on a lane of its own, because Dawn's devices are not thread-safe.
#pragma once

#include <map>

#include "host/native/dawn_plan.h"
#include "host/native/lane.h"

namespace ipfs_accelerate::host {

class DawnGpu final : public webgpu::Gpu {
 public:
  explicit DawnGpu(Loop& loop, DawnOptions options = {});
  ~DawnGpu() override;

  Async<std::vector<DeviceInfo>> list() override;
  Async<webgpu::OpenedGpu> open(Stop stop) override;
  std::string lost() const override;
  Async<webgpu::BufferId> buffer(std::int64_t size, ByteView bytes) override;
  Async<webgpu::MadePlan> plan(webgpu::Recording recording, std::vector<webgpu::BufferId> kept, Stop stop) override;
  Async<> submit(webgpu::PlanId plan, std::vector<ByteView> inputs,
                 std::vector<std::span<std::uint8_t>> outputs) override;
  void drop_buffer(webgpu::BufferId buffer) override;
  void drop_plan(webgpu::PlanId plan) override;

  /// GPU time of every dispatch in microseconds, in order; the options must ask for timestamps.
  Async<std::vector<std::pair<std::string, double>>> profile(webgpu::PlanId plan);
  /// Calls `use` with the open device on the lane; for tests.
  Async<> with_device(std::function<Result<>(DawnDevice& device)> use);

 private:
  Result<webgpu::OpenedGpu> open_now();
  Result<webgpu::BufferId> buffer_now(std::int64_t size, ByteView bytes);
  Result<webgpu::MadePlan> plan_now(const webgpu::Recording& recording, const std::vector<webgpu::BufferId>& kept,
                                    const Stop& stop);
  Result<> usable() const;
  Result<DawnPlan*> find(webgpu::PlanId id) const;

  const DawnOptions options_;
  mutable std::mutex mutex_;  // guards device_ for lost(); only the lane writes it
  std::shared_ptr<DawnDevice> device_;
  // Used on the lane only.
  std::map<webgpu::BufferId, wgpu::Buffer> buffers_;
  std::map<webgpu::PlanId, std::unique_ptr<DawnPlan>> plans_;
  std::int32_t last_id_ = 0;
  Lane lane_;  // the first to go
};

}  // namespace ipfs_accelerate::host
