// A recording with everything made on a Dawn device: a run only writes inputs, encodes, submits and reads back.
#pragma once

#include "host/native/dawn_device.h"

namespace ipfs_accelerate::host {

class DawnPlan {
 public:
  static Result<std::unique_ptr<DawnPlan>> make(DawnDevice& device, const webgpu::Recording& recording,
                                                std::vector<wgpu::Buffer> kept, const Stop& stop);
  /// One submission, then its outputs as they lie on the device.
  Result<> run(DawnDevice& device, std::span<const ByteView> inputs, std::span<const std::span<std::uint8_t>> outputs);
  /// Of the buffers made for it: all but the kept ones.
  std::uint64_t bytes() const { return bytes_; }
  /// GPU time of every dispatch in microseconds.
  Result<std::vector<std::pair<std::string, double>>> profile(DawnDevice& device) const;

 private:
  struct Dispatch {
    wgpu::ComputePipeline pipeline;
    wgpu::BindGroup bindings;
    std::array<std::uint32_t, 3> workgroups;
    std::string label;
  };
  struct Transfer {
    wgpu::Buffer buffer;
    std::uint64_t bytes = 0;
  };
  Result<> make_buffers(DawnDevice& device, const webgpu::Recording& recording, std::vector<wgpu::Buffer> kept);
  Result<> make_staging(DawnDevice& device, std::uint64_t bytes);
  Result<> make_dispatches(DawnDevice& device, const webgpu::Recording& recording, const Stop& stop);
  void encode(const wgpu::CommandEncoder& encoder, std::size_t begin, std::size_t end) const;
  void submit(DawnDevice& device, std::span<const std::span<std::uint8_t>> outputs) const;
  Result<> read(DawnDevice& device, std::span<const std::span<std::uint8_t>> outputs);

  std::vector<Dispatch> dispatches_;
  std::vector<Transfer> inputs_, outputs_;
  std::vector<wgpu::Buffer> buffers_;
  wgpu::Buffer staging_;
  std::uint64_t bytes_ = 0;  ///< of the buffers made here
};

/// A buffer of a recording. kOutOfMemory.
Result<wgpu::Buffer> make_buffer(DawnDevice& device, webgpu::BufferKind kind, std::uint64_t bytes);

}  // namespace ipfs_accelerate::host
