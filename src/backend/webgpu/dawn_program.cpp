// Uploading weights and preparing recordings on a Dawn device.
#include "backend/webgpu/dawn_program.h"

#include <cstring>

namespace ipfs_accelerate::webgpu {
namespace {

wgpu::BufferUsage usage_of(BufferKind kind) {
  using Usage = wgpu::BufferUsage;
  switch (kind) {
    case BufferKind::kOutput: return Usage::Storage | Usage::CopySrc;
    case BufferKind::kUniform: return Usage::Uniform | Usage::CopyDst;
    case BufferKind::kActivation: return Usage::Storage;
    default: return Usage::Storage | Usage::CopyDst;
  }
}

}  // namespace

Result<std::unique_ptr<DawnProgram>> DawnProgram::make(std::shared_ptr<DawnDevice> device, const Graph& graph,
                                                       const LoadOptions& options) {
  std::unique_ptr<DawnProgram> made(new DawnProgram);
  // How weights lie does not depend on the shape, so that they can be uploaded before any shape is known.
  IA_ASSIGN(const Recording recording, record(graph, ShapeClass{}, device->capabilities, options));
  for (const BufferSpec& buffer : recording.buffers) {
    if (buffer.kind == BufferKind::kWeight) made->wanted_[buffer.index].push_back(buffer);
  }
  made->optimizations_ = recording.optimizations;
  made->device_ = std::move(device);
  made->graph_ = graph;
  made->options_ = options;
  return made;
}

Result<wgpu::Buffer> DawnProgram::make_buffer(const BufferSpec& spec) {
  wgpu::BufferDescriptor descriptor;
  descriptor.size = std::uint64_t(spec.bytes);
  descriptor.usage = usage_of(spec.kind);
  wgpu::Buffer buffer;
  if (auto made = device_->checked([&] { buffer = device_->device.CreateBuffer(&descriptor); }); !made) {
    return while_doing(made.error(), "making a buffer of {} bytes", spec.bytes);
  }
  return buffer;
}

Result<> DawnProgram::upload(WeightId id, std::span<const WeightPart> parts) {
  const std::lock_guard lock(device_->mutex);
  for (const BufferSpec& spec : wanted_[id]) {
    IA_ASSIGN(const Bytes bytes, pack_weight(spec, graph_.weights[id], parts));
    IA_ASSIGN(wgpu::Buffer buffer, make_buffer(spec));
    device_->queue.WriteBuffer(buffer, 0, bytes.data(), bytes.size());
    if (weights_.insert_or_assign({id, spec.layout}, std::move(buffer)).second) weight_bytes_ += spec.bytes;
  }
  return device_->state();
}

Result<std::unique_ptr<Executable>> DawnProgram::compile(const ShapeClass& shape) {
  IA_ASSIGN(const Recording recording, record(graph_, shape, device_->capabilities, options_));
  const std::lock_guard lock(device_->mutex);
  auto made = std::make_unique<DawnExecutable>();
  made->device_ = device_;
  made->memory_bytes_ = recording.activation_bytes;
  made->inputs_.resize(graph_.inputs.size());
  made->outputs_.resize(graph_.outputs.size());
  for (const BufferSpec& spec : recording.buffers) {
    wgpu::Buffer buffer;
    if (spec.kind == BufferKind::kWeight) {
      const auto found = weights_.find({spec.index, spec.layout});
      if (found == weights_.end()) {
        return fail(ErrorCode::kMissingWeight, "weight {} was not uploaded before compile",
                    graph_.weights[spec.index].name);
      }
      buffer = found->second;
    } else {
      IA_ASSIGN(buffer, make_buffer(spec));
    }
    if (!spec.data.empty()) device_->queue.WriteBuffer(buffer, 0, spec.data.data(), spec.data.size());
    if (spec.kind == BufferKind::kInput) made->inputs_[spec.index] = {buffer, spec.layout, spec.elements, spec.bytes};
    if (spec.kind == BufferKind::kOutput) {
      made->outputs_[spec.index] = {buffer, spec.layout, spec.elements, spec.bytes, made->staging_bytes_};
      made->staging_bytes_ += spec.bytes;
    }
    made->buffers_.push_back(std::move(buffer));
  }
  wgpu::BufferDescriptor staging;
  staging.size = std::uint64_t(std::max<std::int64_t>(made->staging_bytes_, 16));
  staging.usage = wgpu::BufferUsage::MapRead | wgpu::BufferUsage::CopyDst;
  IA_TRY(device_->checked([&] { made->staging_ = device_->device.CreateBuffer(&staging); }));

  IA_ASSIGN(const auto pipelines, device_->pipelines(recording.pipelines));
  IA_TRY(device_->checked([&] {
    for (const DispatchSpec& spec : recording.dispatches) {
      std::vector<wgpu::BindGroupEntry> entries(spec.bindings.size());
      for (std::size_t i = 0; i < entries.size(); ++i) {
        entries[i].binding = std::uint32_t(i);
        entries[i].buffer = made->buffers_[spec.bindings[i].buffer];
        entries[i].offset = std::uint64_t(spec.bindings[i].offset);
        entries[i].size = std::uint64_t(spec.bindings[i].bytes);
      }
      wgpu::BindGroupDescriptor descriptor;
      descriptor.layout = device_->layout(recording.pipelines[spec.pipeline].binding_types);
      descriptor.entryCount = entries.size();
      descriptor.entries = entries.data();
      made->dispatches_.push_back({pipelines[spec.pipeline], device_->device.CreateBindGroup(&descriptor),
                                   spec.workgroups,
                                   spec.label + " (" + recording.pipelines[spec.pipeline].label + ")"});
    }
  }));
  return made;
}

}  // namespace ipfs_accelerate::webgpu
