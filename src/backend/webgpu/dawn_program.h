// A graph on a Dawn device: weights once, then a replayable plan per shape class.
#pragma once

#include "backend/webgpu/dawn_device.h"

namespace ipfs_accelerate::webgpu {

class DawnProgram final : public Program {
 public:
  static Result<std::unique_ptr<DawnProgram>> make(std::shared_ptr<DawnDevice> device, const Graph& graph,
                                                   const LoadOptions& options);
  Result<> upload(WeightId id, std::span<const WeightPart> parts) override;
  Result<std::unique_ptr<Executable>> compile(const ShapeClass& shape) override;
  std::int64_t weight_bytes() const override { return weight_bytes_; }
  std::vector<std::string> optimizations() const override { return optimizations_; }

 private:
  DawnProgram() = default;
  Result<wgpu::Buffer> make_buffer(const BufferSpec& spec);

  std::shared_ptr<DawnDevice> device_;
  Graph graph_;
  LoadOptions options_;
  std::map<WeightId, std::vector<BufferSpec>> wanted_;  ///< how each weight must lie on the device
  std::map<std::pair<WeightId, Layout>, wgpu::Buffer> weights_;
  std::int64_t weight_bytes_ = 0;
  std::vector<std::string> optimizations_;
};

/// A recording with everything made: a run only writes inputs, encodes, submits and reads back.
class DawnExecutable final : public Executable {
 public:
  struct Dispatch {
    wgpu::ComputePipeline pipeline;
    wgpu::BindGroup bindings;
    std::array<std::uint32_t, 3> workgroups;
    std::string label;
  };
  struct Transfer {
    wgpu::Buffer buffer;
    Layout layout;
    std::int64_t elements, bytes;
    std::int64_t staged_at = 0;  ///< outputs: offset in the staging buffer
  };

  Result<> run(std::span<const TensorRef> inputs, std::span<const MutableTensorRef> outputs) override;
  std::int64_t memory_bytes() const override { return memory_bytes_; }
  /// GPU time of every dispatch in microseconds, in order; the device must have been opened with timestamps.
  Result<std::vector<std::pair<std::string, double>>> profile();

 private:
  friend class DawnProgram;
  void encode(const wgpu::CommandEncoder& encoder, std::size_t begin, std::size_t end) const;
  Result<> check(std::span<const TensorRef> inputs, std::span<const MutableTensorRef> outputs) const;

  std::shared_ptr<DawnDevice> device_;
  std::vector<Dispatch> dispatches_;
  std::vector<Transfer> inputs_, outputs_;
  std::vector<wgpu::Buffer> buffers_;
  wgpu::Buffer staging_;
  std::int64_t staging_bytes_ = 0, memory_bytes_ = 0;
};

}  // namespace ipfs_accelerate::webgpu
