// Replaying a recording: inputs in, one pass, one submission, outputs out.
#include <cstring>

#include "backend/webgpu/dawn_program.h"

namespace ipfs_accelerate::webgpu {

Result<> DawnExecutable::check(std::span<const TensorRef> inputs, std::span<const MutableTensorRef> outputs) const {
  if (inputs.size() != inputs_.size() || outputs.size() != outputs_.size()) {
    return fail(ErrorCode::kInvalidArgument, "the graph has {} inputs and {} outputs, {} and {} were given",
                inputs_.size(), outputs_.size(), inputs.size(), outputs.size());
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Dtype expected = inputs_[i].layout == Layout::kI32 ? Dtype::kI32 : Dtype::kF32;
    if (inputs[i].dtype != expected || inputs[i].bytes.size() != std::size_t(inputs_[i].elements) * 4) {
      return fail(ErrorCode::kInvalidArgument, "input {} is {} with {} bytes, the graph takes {} with {}", i,
                  dtype_name(inputs[i].dtype), inputs[i].bytes.size(), dtype_name(expected), inputs_[i].elements * 4);
    }
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Dtype expected = outputs_[i].layout == Layout::kI32 ? Dtype::kI32 : Dtype::kF32;
    if (outputs[i].dtype != expected || outputs[i].bytes.size() != std::size_t(outputs_[i].elements) * 4) {
      return fail(ErrorCode::kInvalidArgument, "output {} has room for {} bytes of {}, the graph gives {} of {}", i,
                  outputs[i].bytes.size(), dtype_name(outputs[i].dtype), outputs_[i].elements * 4,
                  dtype_name(expected));
    }
  }
  return {};
}

void DawnExecutable::encode(const wgpu::CommandEncoder& encoder, std::size_t begin, std::size_t end) const {
  const wgpu::ComputePassEncoder pass = encoder.BeginComputePass();
  WGPUComputePipeline current = nullptr;
  for (std::size_t i = begin; i < end; ++i) {
    const Dispatch& dispatch = dispatches_[i];
    if (dispatch.pipeline.Get() != current) pass.SetPipeline(dispatch.pipeline);
    current = dispatch.pipeline.Get();
    pass.SetBindGroup(0, dispatch.bindings);
    pass.DispatchWorkgroups(dispatch.workgroups[0], dispatch.workgroups[1], dispatch.workgroups[2]);
  }
  pass.End();
}

Result<> DawnExecutable::run(std::span<const TensorRef> inputs, std::span<const MutableTensorRef> outputs) {
  IA_TRY(check(inputs, outputs));
  const std::lock_guard lock(device_->mutex);
  IA_TRY(device_->state());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    device_->queue.WriteBuffer(inputs_[i].buffer, 0, inputs[i].bytes.data(), inputs[i].bytes.size());
  }
  const std::size_t parts = std::size_t(std::max(device_->options.submissions, 1));
  for (std::size_t part = 0; part + 1 < parts; ++part) {
    const wgpu::CommandEncoder early = device_->device.CreateCommandEncoder();
    encode(early, dispatches_.size() * part / parts, dispatches_.size() * (part + 1) / parts);
    const wgpu::CommandBuffer commands = early.Finish();
    device_->queue.Submit(1, &commands);
  }
  const wgpu::CommandEncoder encoder = device_->device.CreateCommandEncoder();
  encode(encoder, dispatches_.size() * (parts - 1) / parts, dispatches_.size());
  for (const Transfer& output : outputs_) {
    encoder.CopyBufferToBuffer(output.buffer, 0, staging_, std::uint64_t(output.staged_at),
                               std::uint64_t(output.bytes));
  }
  const wgpu::CommandBuffer commands = encoder.Finish();
  device_->queue.Submit(1, &commands);

  Result<> mapped;
  const wgpu::Future done = staging_.MapAsync(
      wgpu::MapMode::Read, 0, std::size_t(std::max<std::int64_t>(staging_bytes_, 16)), wgpu::CallbackMode::WaitAnyOnly,
      [&](wgpu::MapAsyncStatus status, wgpu::StringView message) {
        if (status != wgpu::MapAsyncStatus::Success) {
          mapped = fail(ErrorCode::kDeviceLost, "reading the result failed: {}", std::string_view(message));
        }
      });
  IA_TRY(device_->wait(done));
  IA_TRY(mapped);
  const auto* base = static_cast<const std::uint8_t*>(staging_.GetConstMappedRange());
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const std::uint8_t* from = base + outputs_[i].staged_at;
    if (outputs_[i].layout != Layout::kF16) {
      std::memcpy(outputs[i].bytes.data(), from, outputs[i].bytes.size());
      continue;
    }
    const ByteView half(from, std::size_t(outputs_[i].elements) * 2);
    IA_TRY(widen_to_f32(Dtype::kF16, half,
                        {reinterpret_cast<float*>(outputs[i].bytes.data()), std::size_t(outputs_[i].elements)}));
  }
  staging_.Unmap();
  return {};
}

Result<std::vector<std::pair<std::string, double>>> DawnExecutable::profile() {
  const std::lock_guard lock(device_->mutex);
  const auto count = std::uint32_t(dispatches_.size() * 2);
  wgpu::QuerySetDescriptor query_descriptor;
  query_descriptor.type = wgpu::QueryType::Timestamp;
  query_descriptor.count = count;
  const wgpu::QuerySet queries = device_->device.CreateQuerySet(&query_descriptor);
  wgpu::BufferDescriptor descriptor;
  descriptor.size = count * 8;
  descriptor.usage = wgpu::BufferUsage::QueryResolve | wgpu::BufferUsage::CopySrc;
  const wgpu::Buffer resolved = device_->device.CreateBuffer(&descriptor);
  descriptor.usage = wgpu::BufferUsage::MapRead | wgpu::BufferUsage::CopyDst;
  const wgpu::Buffer read = device_->device.CreateBuffer(&descriptor);

  const wgpu::CommandEncoder encoder = device_->device.CreateCommandEncoder();
  for (std::size_t i = 0; i < dispatches_.size(); ++i) {
    wgpu::PassTimestampWrites stamps;
    stamps.querySet = queries;
    stamps.beginningOfPassWriteIndex = std::uint32_t(i * 2);
    stamps.endOfPassWriteIndex = std::uint32_t(i * 2 + 1);
    wgpu::ComputePassDescriptor pass_descriptor;
    pass_descriptor.timestampWrites = &stamps;
    const wgpu::ComputePassEncoder pass = encoder.BeginComputePass(&pass_descriptor);
    pass.SetPipeline(dispatches_[i].pipeline);
    pass.SetBindGroup(0, dispatches_[i].bindings);
    pass.DispatchWorkgroups(dispatches_[i].workgroups[0], dispatches_[i].workgroups[1], dispatches_[i].workgroups[2]);
    pass.End();
  }
  encoder.ResolveQuerySet(queries, 0, count, resolved, 0);
  encoder.CopyBufferToBuffer(resolved, 0, read, 0, count * 8);
  const wgpu::CommandBuffer commands = encoder.Finish();
  device_->queue.Submit(1, &commands);
  IA_TRY(device_->wait(read.MapAsync(wgpu::MapMode::Read, 0, count * 8, wgpu::CallbackMode::WaitAnyOnly,
                                     [](wgpu::MapAsyncStatus, wgpu::StringView) {})));
  const auto* times = static_cast<const std::uint64_t*>(read.GetConstMappedRange());
  if (times == nullptr) return fail(ErrorCode::kInternal, "no timestamps: open the device with timestamps");
  std::vector<std::pair<std::string, double>> out;
  for (std::size_t i = 0; i < dispatches_.size(); ++i) {
    out.emplace_back(dispatches_[i].label, double(times[i * 2 + 1] - times[i * 2]) / 1000.0);
  }
  return out;
}

}  // namespace ipfs_accelerate::webgpu
