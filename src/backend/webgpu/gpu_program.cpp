// Uploading weights, making plans, running them.
#include "backend/webgpu/gpu_program.h"

#include <algorithm>

#include "backend/check_tensors.h"
#include "backend/pack_weight.h"
#include "graph/typical_shape.h"
#include "tensor/format.h"

namespace ipfs_accelerate::webgpu {

GpuProgram::GpuProgram(Gpu& gpu, Compute* compute, Graph graph, LoadOptions options, Capabilities capabilities)
    : gpu_(gpu),
      compute_(compute),
      graph_(std::make_shared<const Graph>(std::move(graph))),
      options_(options),
      capabilities_(std::move(capabilities)) {}

Result<std::unique_ptr<Program>> GpuProgram::make(Gpu& gpu, Compute* compute, Graph graph, LoadOptions options,
                                                  Capabilities capabilities) {
  std::unique_ptr<GpuProgram> made(new GpuProgram(gpu, compute, std::move(graph), options, std::move(capabilities)));
  // How weights lie does not depend on the shape, so that they can be uploaded before any shape is known.
  IA_ASSIGN(const Recording recording,
            record(*made->graph_, typical_shape(*made->graph_), made->capabilities_, options));
  for (const BufferSpec& buffer : recording.buffers) {
    if (buffer.kind == BufferKind::kWeight) made->wanted_[WeightId{buffer.index}].push_back(buffer);
  }
  made->note(recording.optimizations);
  return made;
}

void GpuProgram::note(const std::vector<std::string>& optimizations) {
  for (const std::string& one : optimizations) {
    if (std::ranges::find(optimizations_, one) == optimizations_.end()) optimizations_.push_back(one);
  }
}

std::int64_t GpuProgram::weight_bytes() const {
  std::int64_t sum = 0;
  for (const auto& [at, buffer] : weights_) sum += buffer->bytes();
  return sum;
}

Async<Bytes> GpuProgram::pack(const BufferSpec& spec, const std::vector<WeightPart>& parts, Stop stop) {
  co_await stop.check();
  Bytes packed;
  const auto work = [&]() -> Result<> {
    const Weight& weight = graph_->weight(WeightId{spec.index});
    IA_ASSIGN(packed, pack_weight(weight, parts, spec.dtype, static_cast<std::size_t>(spec.bytes)));
    return {};
  };
  if (compute_ != nullptr) {
    co_await compute_->offload(work, stop);
  } else {
    co_await work();
  }
  co_return packed;
}

Async<> GpuProgram::upload(WeightId id, std::vector<WeightPart> parts, Stop stop) {
  if (!id || id.index() >= graph_->weights.size()) {
    co_await fail(ErrorCode::kInvalidArgument, "weight {} of {}", id.number, graph_->weights.size());
  }
  const auto wanted = wanted_.find(id);
  if (wanted == wanted_.end()) co_return;  // no node reads it
  for (const BufferSpec& spec : wanted->second) {
    const Bytes bytes = co_await pack(spec, parts, stop);
    const BufferId made =
        co_await doing(std::format("making a buffer of {} bytes", spec.bytes), gpu_.buffer(spec.bytes, bytes));
    weights_[{id, spec.dtype}] = std::make_shared<GpuBuffer>(gpu_, made, spec.bytes);
  }
}

std::int64_t GpuProgram::state_bytes() const {
  std::int64_t sum = 0;
  for (const auto& [id, buffer] : states_) sum += buffer->bytes();
  return sum;
}

Async<> GpuProgram::make_states(ShapeClass sizes, Stop stop) {
  co_await stop.check();
  states_.clear();  // the memory of the old ones first
  const Recording recording = co_await record(*graph_, sizes, capabilities_, options_);
  for (const BufferSpec& spec : recording.buffers) {
    if (spec.kind != BufferKind::kState) continue;
    const BufferId made =
        co_await doing(std::format("making a state of {} bytes", spec.bytes), gpu_.buffer(spec.bytes, {}));
    states_[StateId{spec.index}] = std::make_shared<GpuBuffer>(gpu_, made, spec.bytes);
  }
}

Result<std::shared_ptr<GpuBuffer>> GpuProgram::kept_buffer(const BufferSpec& spec) const {
  if (spec.kind == BufferKind::kState) {
    const auto found = states_.find(StateId{spec.index});
    if (found != states_.end() && found->second->bytes() == spec.bytes) return found->second;
    return fail(ErrorCode::kInternal, "state '{}' was not made with {} bytes before compile",
                graph_->states[static_cast<std::size_t>(spec.index)].name, spec.bytes);
  }
  const auto found = weights_.find({WeightId{spec.index}, spec.dtype});
  if (found != weights_.end()) return found->second;
  return fail(ErrorCode::kMissingWeight, "weight {} was not uploaded before compile",
              graph_->weight(WeightId{spec.index}).name);
}

Async<std::unique_ptr<Executable>> GpuProgram::compile(ShapeClass shape, Stop stop, std::shared_ptr<const Graph> part) {
  co_await stop.check();
  if (!part) part = graph_;
  Recording recording = co_await record(*part, shape, capabilities_, options_);
  std::vector<std::shared_ptr<GpuBuffer>> kept;
  for (const BufferSpec& spec : recording.buffers) {
    if (is_kept(spec.kind)) kept.push_back(co_await kept_buffer(spec));
  }
  note(recording.optimizations);
  auto executable = std::make_unique<GpuExecutable>(gpu_, std::move(part), shape, recording);
  co_await executable->prepare(std::move(recording), std::move(kept), stop);
  co_await stop.check();
  co_return std::unique_ptr<Executable>(std::move(executable));
}

GpuExecutable::GpuExecutable(Gpu& gpu, std::shared_ptr<const Graph> graph, ShapeClass shape, const Recording& recording)
    : gpu_(gpu), graph_(std::move(graph)), shape_(shape) {
  halves_.resize(graph_->outputs.size());
  for (const BufferSpec& spec : recording.buffers) {
    if (spec.kind != BufferKind::kOutput || spec.dtype != Dtype::kF16) continue;
    halves_[static_cast<std::size_t>(spec.index)].resize(
        static_cast<std::size_t>(byte_count(spec.dtype, spec.elements)));
  }
}

GpuExecutable::~GpuExecutable() {
  if (plan_) gpu_.drop_plan(*plan_);
}

Async<> GpuExecutable::prepare(Recording recording, std::vector<std::shared_ptr<GpuBuffer>> kept, Stop stop) {
  kept_ = std::move(kept);
  std::vector<BufferId> ids;
  for (const auto& buffer : kept_) ids.push_back(buffer->id());
  const MadePlan made = co_await gpu_.plan(std::move(recording), std::move(ids), std::move(stop));
  plan_ = made.id;
  memory_bytes_ = made.bytes;
}

Async<> GpuExecutable::run(std::vector<TensorRef> inputs, std::vector<MutableTensorRef> outputs, Stop stop) {
  co_await stop.check();
  co_await check_tensors(*graph_, shape_, inputs, outputs);
  std::vector<ByteView> given;
  for (const TensorRef& input : inputs) given.push_back(input.bytes);
  std::vector<std::span<std::uint8_t>> taken;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    taken.push_back(halves_[i].empty() || outputs[i].bytes.empty() ? outputs[i].bytes
                                                                   : std::span<std::uint8_t>(halves_[i]));
  }
  co_await gpu_.submit(*plan_, std::move(given), std::move(taken));
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (halves_[i].empty() || outputs[i].bytes.empty()) continue;
    const std::span<float> wide(reinterpret_cast<float*>(outputs[i].bytes.data()),
                                outputs[i].bytes.size() / sizeof(float));
    co_await widen_to_f32(Dtype::kF16, halves_[i], wide);
  }
}

}  // namespace ipfs_accelerate::webgpu
