// A graph on a WebGPU device: weights once, then a plan per shape class.
#pragma once

#include <map>

#include "backend/webgpu/gpu.h"
#include "base/compute.h"

namespace ipfs_accelerate::webgpu {

/// A buffer of the device, dropped when the last program or executable that uses it goes.
class GpuBuffer {
 public:
  GpuBuffer(Gpu& gpu, BufferId id, std::int64_t bytes) : gpu_(gpu), id_(id), bytes_(bytes) {}
  ~GpuBuffer() { gpu_.drop_buffer(id_); }
  GpuBuffer(const GpuBuffer&) = delete;
  GpuBuffer& operator=(const GpuBuffer&) = delete;
  BufferId id() const { return id_; }
  std::int64_t bytes() const { return bytes_; }

 private:
  Gpu& gpu_;
  BufferId id_;
  std::int64_t bytes_;
};

class GpuProgram final : public Program {
 public:
  static Result<std::unique_ptr<Program>> make(Gpu& gpu, Compute* compute, Graph graph, LoadOptions options,
                                               Capabilities capabilities);
  Async<> upload(WeightId id, std::vector<WeightPart> parts, Stop stop) override;
  Async<> make_states(ShapeClass sizes, Stop stop) override;
  Async<std::unique_ptr<Executable>> compile(ShapeClass shape, Stop stop, std::shared_ptr<const Graph> part) override;
  int precision() const override { return options_.precision == 16 && capabilities_.shader_f16 ? 16 : 32; }
  std::int64_t weight_bytes() const override;
  std::int64_t state_bytes() const override;
  std::vector<std::string> optimizations() const override { return optimizations_; }

 private:
  GpuProgram(Gpu& gpu, Compute* compute, Graph graph, LoadOptions options, Capabilities capabilities);
  Result<std::shared_ptr<GpuBuffer>> kept_buffer(const BufferSpec& spec) const;
  Async<Bytes> pack(const BufferSpec& spec, const std::vector<WeightPart>& parts, Stop stop);
  void note(const std::vector<std::string>& optimizations);

  Gpu& gpu_;
  Compute* compute_;
  std::shared_ptr<const Graph> graph_;
  LoadOptions options_;
  Capabilities capabilities_;
  std::map<WeightId, std::vector<BufferSpec>> wanted_;  ///< how each weight must lie on the device
  std::map<std::pair<WeightId, Dtype>, std::shared_ptr<GpuBuffer>> weights_;
  std::map<StateId, std::shared_ptr<GpuBuffer>> states_;
  std::vector<std::string> optimizations_;
};

/// A recording with everything made: a run is one submission.
class GpuExecutable final : public Executable {
 public:
  GpuExecutable(Gpu& gpu, std::shared_ptr<const Graph> graph, ShapeClass shape, const Recording& recording);
  ~GpuExecutable() override;
  /// Makes the plan. The executable keeps the buffers.
  Async<> prepare(Recording recording, std::vector<std::shared_ptr<GpuBuffer>> kept, Stop stop);
  Async<> run(std::vector<TensorRef> inputs, std::vector<MutableTensorRef> outputs, Stop stop) override;
  std::int64_t memory_bytes() const override { return memory_bytes_; }
  PlanId plan() const { return *plan_; }

 private:
  Gpu& gpu_;
  std::shared_ptr<const Graph> graph_;
  ShapeClass shape_;
  std::int64_t memory_bytes_ = 0;  ///< once prepared, as the device says
  std::vector<Bytes> halves_;      ///< per output: room for its f16 numbers; empty where it is read as it lies
  std::vector<std::shared_ptr<GpuBuffer>> kept_;
  std::optional<PlanId> plan_;
};

}  // namespace ipfs_accelerate::webgpu
