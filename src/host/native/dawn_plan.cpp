// Making plans on a Dawn device and replaying them.
#include "host/native/dawn_plan.h"

#include <algorithm>
#include <cstring>

#include "tensor/format.h"

namespace ipfs_accelerate::host {
namespace {

wgpu::BufferUsage usage_of(webgpu::BufferKind kind) {
  using Kind = webgpu::BufferKind;
  using Usage = wgpu::BufferUsage;
  switch (kind) {
    case Kind::kOutput: return Usage::Storage | Usage::CopySrc;
    case Kind::kUniform: return Usage::Uniform | Usage::CopyDst;
    case Kind::kActivation: return Usage::Storage;
    default: return Usage::Storage | Usage::CopyDst;
  }
}

template <class Items>
auto& grown(Items& items, std::int32_t index) {
  if (items.size() <= static_cast<std::size_t>(index)) items.resize(static_cast<std::size_t>(index) + 1);
  return items[static_cast<std::size_t>(index)];
}

}  // namespace

Result<wgpu::Buffer> make_buffer(DawnDevice& device, webgpu::BufferKind kind, std::uint64_t bytes) {
  wgpu::BufferDescriptor descriptor;
  descriptor.size = bytes;
  descriptor.usage = usage_of(kind);
  wgpu::Buffer buffer;
  if (auto made = device.checked([&] { buffer = device.device.CreateBuffer(&descriptor); }); !made) {
    return while_doing(made.error(), "making a buffer of {} bytes", bytes);
  }
  return buffer;
}

Result<std::unique_ptr<DawnPlan>> DawnPlan::make(DawnDevice& device, const webgpu::Recording& recording,
                                                 std::vector<wgpu::Buffer> kept, const Stop& stop) {
  auto plan = std::make_unique<DawnPlan>();
  IA_TRY(plan->make_buffers(device, recording, std::move(kept)));
  IA_TRY(plan->make_staging(device, std::uint64_t(recording.readback_bytes)));
  IA_TRY(plan->make_dispatches(device, recording, stop));
  return plan;
}

Result<> DawnPlan::make_buffers(DawnDevice& device, const webgpu::Recording& recording,
                                std::vector<wgpu::Buffer> kept) {
  std::size_t next = 0;
  for (const webgpu::BufferSpec& spec : recording.buffers) {
    if (webgpu::is_kept(spec.kind)) {
      buffers_.push_back(kept[next++]);
      continue;
    }
    IA_ASSIGN(wgpu::Buffer buffer, make_buffer(device, spec.kind, std::uint64_t(spec.bytes)));
    bytes_ += buffer.GetSize();
    if (!spec.data.empty()) device.queue.WriteBuffer(buffer, 0, spec.data.data(), spec.data.size());
    const std::uint64_t bytes = std::uint64_t(byte_count(spec.dtype, spec.elements));
    if (spec.kind == webgpu::BufferKind::kInput) grown(inputs_, spec.index) = {buffer, bytes};
    if (spec.kind == webgpu::BufferKind::kOutput) grown(outputs_, spec.index) = {buffer, bytes};
    buffers_.push_back(std::move(buffer));
  }
  return {};
}

Result<> DawnPlan::make_staging(DawnDevice& device, std::uint64_t bytes) {
  wgpu::BufferDescriptor staging;
  staging.size = bytes;
  staging.usage = wgpu::BufferUsage::MapRead | wgpu::BufferUsage::CopyDst;
  IA_TRY(device.checked([&] { staging_ = device.device.CreateBuffer(&staging); }));
  bytes_ += staging_.GetSize();
  return {};
}

Result<> DawnPlan::make_dispatches(DawnDevice& device, const webgpu::Recording& recording, const Stop& stop) {
  IA_ASSIGN(const auto pipelines, device.pipelines(recording.pipelines, stop));
  return device.checked([&] {
    for (const webgpu::DispatchSpec& spec : recording.dispatches) {
      std::vector<wgpu::BindGroupEntry> entries(spec.bindings.size());
      for (std::size_t i = 0; i < entries.size(); ++i) {
        entries[i].binding = std::uint32_t(i);
        entries[i].buffer = buffers_[spec.bindings[i].buffer];
        entries[i].offset = std::uint64_t(spec.bindings[i].offset);
        entries[i].size = std::uint64_t(spec.bindings[i].bytes);
      }
      const webgpu::PipelineSpec& pipeline = recording.pipelines[spec.pipeline];
      wgpu::BindGroupDescriptor descriptor;
      descriptor.layout = device.layout(pipeline.binding_types);
      descriptor.entryCount = entries.size();
      descriptor.entries = entries.data();
      dispatches_.push_back({pipelines[spec.pipeline], device.device.CreateBindGroup(&descriptor), spec.workgroups,
                             spec.label + " (" + pipeline.label + ")"});
    }
  });
}

void DawnPlan::encode(const wgpu::CommandEncoder& encoder, std::size_t begin, std::size_t end) const {
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

/// Bytes that a wanted output takes in the staging buffer: copies are of whole 4 bytes, mapped ranges begin at 8.
std::uint64_t staged(std::span<const std::uint8_t> output) { return (output.size() + 7) / 8 * 8; }

// One submission with the read-backs; options.submissions asks for earlier ones, to measure what they would bring.
void DawnPlan::submit(DawnDevice& device, std::span<const std::span<std::uint8_t>> outputs) const {
  const auto parts = std::size_t(std::max(device.options.submissions, 1));
  for (std::size_t part = 0; part < parts; ++part) {
    const wgpu::CommandEncoder encoder = device.device.CreateCommandEncoder();
    encode(encoder, dispatches_.size() * part / parts, dispatches_.size() * (part + 1) / parts);
    if (part + 1 == parts) {
      std::uint64_t at = 0;
      for (std::size_t i = 0; i < outputs.size(); at += staged(outputs[i++])) {
        if (outputs[i].empty()) continue;
        encoder.CopyBufferToBuffer(outputs_[i].buffer, 0, staging_, at, (outputs_[i].bytes + 3) / 4 * 4);
      }
    }
    const wgpu::CommandBuffer commands = encoder.Finish();
    device.queue.Submit(1, &commands);
  }
}

Result<> DawnPlan::read(DawnDevice& device, std::span<const std::span<std::uint8_t>> outputs) {
  std::uint64_t bytes = 0;
  for (const auto& output : outputs) bytes += staged(output);
  if (bytes == 0) return device.state();
  Result<> mapped;
  const wgpu::Future done = staging_.MapAsync(wgpu::MapMode::Read, 0, bytes, wgpu::CallbackMode::WaitAnyOnly,
                                              [&](wgpu::MapAsyncStatus status, wgpu::StringView message) {
                                                if (status != wgpu::MapAsyncStatus::Success) {
                                                  mapped = fail(ErrorCode::kDeviceLost, "reading the result failed: {}",
                                                                std::string_view(message));
                                                }
                                              });
  if (auto waited = device.wait(done); !waited) {
    if (mapped && staging_.GetMapState() == wgpu::BufferMapState::Mapped) staging_.Unmap();
    return waited;
  }
  IA_TRY(mapped);
  const auto* base = static_cast<const std::uint8_t*>(staging_.GetConstMappedRange(0, bytes));
  for (const auto& output : outputs) {
    std::memcpy(output.data(), base, output.size());
    base += staged(output);
  }
  staging_.Unmap();
  return {};
}

Result<> DawnPlan::run(DawnDevice& device, std::span<const ByteView> inputs,
                       std::span<const std::span<std::uint8_t>> outputs) {
  IA_TRY(device.state());
  const auto same = [](const auto& given, const Transfer& made) { return given.size() == made.bytes; };
  const auto wanted = [&](const auto& given, const Transfer& made) { return given.empty() || same(given, made); };
  if (!std::ranges::equal(inputs, inputs_, same) || !std::ranges::equal(outputs, outputs_, wanted)) {
    return fail(ErrorCode::kInternal, "a submission whose inputs or outputs are not those of its plan");
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    device.queue.WriteBuffer(inputs_[i].buffer, 0, inputs[i].data(), inputs[i].size());
  }
  submit(device, outputs);
  return read(device, outputs);
}

Result<std::vector<std::pair<std::string, double>>> DawnPlan::profile(DawnDevice& device) const {
  const auto count = std::uint32_t(dispatches_.size() * 2);
  wgpu::QuerySetDescriptor query_descriptor;
  query_descriptor.type = wgpu::QueryType::Timestamp;
  query_descriptor.count = count;
  const wgpu::QuerySet queries = device.device.CreateQuerySet(&query_descriptor);
  wgpu::BufferDescriptor descriptor;
  descriptor.size = count * 8;
  descriptor.usage = wgpu::BufferUsage::QueryResolve | wgpu::BufferUsage::CopySrc;
  const wgpu::Buffer resolved = device.device.CreateBuffer(&descriptor);
  descriptor.usage = wgpu::BufferUsage::MapRead | wgpu::BufferUsage::CopyDst;
  const wgpu::Buffer read = device.device.CreateBuffer(&descriptor);

  const wgpu::CommandEncoder encoder = device.device.CreateCommandEncoder();
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
  device.queue.Submit(1, &commands);
  IA_TRY(device.wait(read.MapAsync(wgpu::MapMode::Read, 0, count * 8, wgpu::CallbackMode::WaitAnyOnly,
                                   [](wgpu::MapAsyncStatus, wgpu::StringView) {})));
  const auto* times = static_cast<const std::uint64_t*>(read.GetConstMappedRange());
  if (times == nullptr) return fail(ErrorCode::kInternal, "no timestamps: open the device with timestamps");
  std::vector<std::pair<std::string, double>> out;
  for (std::size_t i = 0; i < dispatches_.size(); ++i) {
    out.emplace_back(dispatches_[i].label, double(times[i * 2 + 1] - times[i * 2]) / 1000.0);
  }
  return out;
}

}  // namespace ipfs_accelerate::host
