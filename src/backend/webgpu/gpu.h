// Gpu: the port to a WebGPU device. Dawn natively, navigator.gpu in the page; they make buffers and pipelines, submit
// and read, and decide nothing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "backend/webgpu/recording.h"
#include "base/async.h"
#include "base/stop.h"

namespace ipfs_accelerate::webgpu {

using BufferId = std::int32_t;
using PlanId = std::int32_t;

struct MadePlan {
  PlanId id = 0;
  std::int64_t bytes = 0;  ///< of the buffers that the device made for it: all but the kept ones
};

/// A device that was opened, as it is before any check.
struct OpenedGpu {
  DeviceInfo info;
  Capabilities capabilities;
};

/// One device at a time. Calls are carried out in order; submissions may overlap, those of one plan may not.
/// After a loss every call is kDeviceLost until the next open(), and ids made before are void; no id is given twice.
class Gpu {
 public:
  virtual ~Gpu() = default;
  /// Facts of the adapters, best first; no device is opened. kNoAdapter says why there is none.
  virtual Async<std::vector<DeviceInfo>> list() = 0;
  /// Opens the best adapter; the one that is open already when it was not lost. kNoAdapter, kCancelled.
  virtual Async<OpenedGpu> open(Stop stop) = 0;
  /// Why the open device is of no use any more; empty while it is fine.
  virtual std::string lost() const = 0;

  /// A storage buffer of `size` bytes for weights or states: these bytes (a multiple of 4, which must live until this
  /// ends), then zeros. kOutOfMemory.
  virtual Async<BufferId> buffer(std::int64_t size, ByteView bytes) = 0;
  /// Buffers, pipelines (equal WGSL once per device) and bind groups of a recording. `kept`: one id for each of its
  /// buffers that is_kept(), in their order. A stop is looked at between pipelines (in a page before them); those under
  /// way are waited for and stay with the device. kShaderCompile, kOutOfMemory, kCancelled.
  virtual Async<MadePlan> plan(Recording recording, std::vector<BufferId> kept, Stop stop) = 0;
  /// One submission: writes `inputs`, replays the plan, reads its outputs back as they lie there, padding left out
  /// (f16 stays f16), those without bytes left out. In the order of Graph::inputs and outputs; the bytes must live
  /// until this ends. kDeviceLost.
  virtual Async<> submit(PlanId plan, std::vector<ByteView> inputs, std::vector<std::span<std::uint8_t>> outputs) = 0;
  virtual void drop_buffer(BufferId buffer) = 0;
  virtual void drop_plan(PlanId plan) = 0;
};

}  // namespace ipfs_accelerate::webgpu
