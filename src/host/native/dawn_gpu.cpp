// The port Gpu on Dawn: what each call does on the lane.
#include "host/native/dawn_gpu.h"

namespace ipfs_accelerate::host {

using webgpu::BufferId;
using webgpu::OpenedGpu;
using webgpu::PlanId;

DawnGpu::DawnGpu(Loop& loop, DawnOptions options) : options_(std::move(options)), lane_(loop) {}
DawnGpu::~DawnGpu() = default;

std::string DawnGpu::lost() const {
  const std::lock_guard lock(mutex_);
  return device_ ? device_->lost() : std::string();
}

Result<> DawnGpu::usable() const {
  if (!device_) return fail(ErrorCode::kDeviceLost, "no GPU is open");
  return device_->state();
}

Result<DawnPlan*> DawnGpu::find(PlanId id) const {
  IA_TRY(usable());
  const auto found = plans_.find(id);
  if (found == plans_.end()) return fail(ErrorCode::kDeviceLost, "the plan was made on a device that was lost");
  return found->second.get();
}

Async<std::vector<DeviceInfo>> DawnGpu::list() {
  co_return co_await lane_.call<std::vector<DeviceInfo>>([] { return list_adapters(); });
}

Async<OpenedGpu> DawnGpu::open(Stop stop) {
  co_return co_await lane_.call<OpenedGpu>([&]() -> Result<OpenedGpu> {
    IA_TRY(stop.check());
    return open_now();
  });
}

Result<OpenedGpu> DawnGpu::open_now() {
  if (!device_ || !device_->lost().empty()) {
    plans_.clear();
    buffers_.clear();
    IA_ASSIGN(auto opened, DawnDevice::open(options_));
    const std::lock_guard lock(mutex_);
    device_ = std::move(opened);
  }
  return OpenedGpu{device_->info, device_->capabilities};
}

Async<BufferId> DawnGpu::buffer(std::int64_t size, ByteView bytes) {
  co_return co_await lane_.call<BufferId>([&] { return buffer_now(size, bytes); });
}

Result<BufferId> DawnGpu::buffer_now(std::int64_t size, ByteView bytes) {
  IA_TRY(usable());
  IA_ASSIGN(wgpu::Buffer made, make_buffer(*device_, webgpu::BufferKind::kWeight, std::uint64_t(size)));
  if (!bytes.empty()) device_->queue.WriteBuffer(made, 0, bytes.data(), bytes.size());
  IA_TRY(device_->state());
  buffers_.emplace(++last_id_, std::move(made));
  return last_id_;
}

Async<webgpu::MadePlan> DawnGpu::plan(webgpu::Recording recording, std::vector<BufferId> kept, Stop stop) {
  co_return co_await lane_.call<webgpu::MadePlan>([&] { return plan_now(recording, kept, stop); });
}

Result<webgpu::MadePlan> DawnGpu::plan_now(const webgpu::Recording& recording, const std::vector<BufferId>& kept,
                                           const Stop& stop) {
  IA_TRY(stop.check());
  IA_TRY(usable());
  std::vector<wgpu::Buffer> buffers;
  for (const BufferId id : kept) {
    const auto found = buffers_.find(id);
    if (found == buffers_.end())
      return fail(ErrorCode::kDeviceLost, "a weight or a state was on a device that was lost");
    buffers.push_back(found->second);
  }
  IA_ASSIGN(auto plan, DawnPlan::make(*device_, recording, std::move(buffers), stop));
  const auto bytes = std::int64_t(plan->bytes());
  plans_.emplace(++last_id_, std::move(plan));
  return webgpu::MadePlan{last_id_, bytes};
}

Async<> DawnGpu::submit(PlanId plan, std::vector<ByteView> inputs, std::vector<std::span<std::uint8_t>> outputs) {
  co_await lane_.call<void>([&]() -> Result<> {
    IA_ASSIGN(DawnPlan * found, find(plan));
    return found->run(*device_, inputs, outputs);
  });
}

void DawnGpu::drop_buffer(BufferId buffer) {
  lane_.push([this, buffer] { buffers_.erase(buffer); });
}
void DawnGpu::drop_plan(PlanId plan) {
  lane_.push([this, plan] { plans_.erase(plan); });
}

Async<std::vector<std::pair<std::string, double>>> DawnGpu::profile(PlanId plan) {
  using Times = std::vector<std::pair<std::string, double>>;
  co_return co_await lane_.call<Times>([&]() -> Result<Times> {
    IA_ASSIGN(const DawnPlan* found, find(plan));
    return found->profile(*device_);
  });
}

Async<> DawnGpu::with_device(std::function<Result<>(DawnDevice& device)> use) {
  co_await lane_.call<void>([&]() -> Result<> {
    if (!device_) return fail(ErrorCode::kDeviceLost, "no GPU is open");
    return use(*device_);
  });
}

}  // namespace ipfs_accelerate::host
