#include "scenarios/scripted_gpu.h"

#include <algorithm>
#include <cstring>

#include "backend/cpu/cpu.h"
#include "backend/self_check_parts.h"

namespace ipfs_accelerate::scripted {
namespace {

using webgpu::BufferId;
using webgpu::BufferKind;
using webgpu::BufferSpec;
using webgpu::PlanId;
using webgpu::Recording;

DeviceInfo facts() {
  DeviceInfo info;
  info.platform = "webgpu";
  info.name = "an adapter";
  info.is_real_hardware = true;
  return info;
}

/// Every recording carries the numbers of its graph's symbols.
ShapeClass shape_of(const Recording& recording, const Graph& graph) {
  const auto uniform = std::ranges::find(recording.buffers, BufferKind::kUniform, &BufferSpec::kind);
  ShapeClass shape;
  for (std::size_t i = 0; i < graph.symbols.size() && (i + 1) * 4 <= uniform->data.size(); ++i) {
    std::uint32_t number = 0;
    std::memcpy(&number, uniform->data.data() + i * 4, 4);
    shape.set(graph.symbols[i].name, number);
  }
  return shape;
}

std::vector<std::string> labels_of(const Recording& recording) {
  std::vector<std::string> labels;
  for (const auto& dispatch : recording.dispatches) labels.push_back(dispatch.label);
  return labels;
}

}  // namespace

ScriptedGpu::ScriptedGpu(ScriptedHost& host, std::vector<Graph> graphs)
    : host_(host), graphs_(std::move(graphs)), cpu_(cpu::make_backend(host.host().compute, 1)) {
  for (CheckedPart& part : self_check_parts().value()) graphs_.push_back(std::move(part.graph));
  for (Graph& graph : graphs_) graph = slice(graph, 0, graph.nodes.size());  // as programs get them
}
ScriptedGpu::~ScriptedGpu() = default;

Result<> ScriptedGpu::alive(int device) const {
  if (lost_.empty() && device == opened) return {};
  return fail(ErrorCode::kDeviceLost, "an adapter is lost: {}", lost_.empty() ? "another one was opened" : lost_);
}

Async<std::vector<DeviceInfo>> ScriptedGpu::list() { co_return std::vector<DeviceInfo>(1, facts()); }

Async<webgpu::OpenedGpu> ScriptedGpu::open(Stop stop) {
  co_await stop.check();
  if (!lost_.empty()) {
    host_.trace.push_back(std::format("gpu open {}", ++opened));
    lost_.clear();
  }
  co_return webgpu::OpenedGpu{facts(), {}};
}

Async<BufferId> ScriptedGpu::buffer(std::int64_t, ByteView bytes) {
  co_await alive(opened);
  buffers_[++last_] = {opened, Bytes(bytes.begin(), bytes.end()), nullptr};
  co_return last_;
}

Result<const Graph*> ScriptedGpu::graph_of(const Recording& recording) const {
  for (const Graph& graph : graphs_) {
    const auto same = webgpu::record(graph, shape_of(recording, graph), {}, {});
    if (same && labels_of(*same) == labels_of(recording)) return &graph;
  }
  return fail(ErrorCode::kInternal, "no script for this recording");
}

Async<std::shared_ptr<Program>> ScriptedGpu::program_of(const Graph& graph, ShapeClass shape, Buffer* state,
                                                        Stop stop) {
  if (state != nullptr && state->program) co_return state->program;
  std::shared_ptr<Program> made = co_await cpu_->load(graph, {}, stop);
  if (state == nullptr) co_return made;
  co_await made->make_states(std::move(shape), stop);
  state->program = made;
  co_return made;
}

Async<webgpu::MadePlan> ScriptedGpu::plan(Recording recording, std::vector<BufferId> kept, Stop stop) {
  co_await alive(opened);
  const Graph* const graph = co_await graph_of(recording);
  const ShapeClass shape = shape_of(recording, *graph);
  std::vector<std::pair<const BufferSpec*, Buffer*>> weights;
  Buffer* state = nullptr;
  std::size_t next = 0;
  for (const BufferSpec& spec : recording.buffers) {
    if (!is_kept(spec.kind)) continue;
    const auto found = buffers_.find(kept.at(next++));
    if (found == buffers_.end()) co_await fail(ErrorCode::kDeviceLost, "a weight or state is on no device");
    co_await alive(found->second.device);
    if (spec.kind == BufferKind::kState && state == nullptr) state = &found->second;
    if (spec.kind == BufferKind::kWeight) weights.emplace_back(&spec, &found->second);
  }
  const auto program = co_await program_of(*graph, shape, state, stop);
  for (const auto& [spec, buffer] : weights) {
    const ByteView bytes = ByteView(buffer->bytes).first(static_cast<std::size_t>(spec->elements) * 4);
    co_await program->upload({spec->index}, {{Dtype::kF32, graph->weight({spec->index}).shape, bytes}}, stop);
  }
  Plan made{opened, graph, co_await program->compile(shape, stop)};
  host_.trace.push_back(
      std::format("gpu plan of {} dispatches, {} weights", recording.dispatches.size(), weights.size()));
  plans_[++last_] = std::move(made);
  co_return webgpu::MadePlan{last_, recording.activation_bytes};
}

Async<> ScriptedGpu::submit(PlanId plan, std::vector<ByteView> inputs, std::vector<std::span<std::uint8_t>> outputs) {
  const auto found = plans_.find(plan);
  if (found == plans_.end()) co_await fail(ErrorCode::kDeviceLost, "the plan is on no device");
  co_await alive(found->second.device);
  const int number = submissions++;
  host_.trace.push_back(std::format("gpu submit to device {}", found->second.device));
  if (seconds > 0) co_await host_.host().clock.sleep(seconds, Stop());
  if (number == lose_at) lose();
  if (number == fail_at) co_await fail(ErrorCode::kOutOfMemory, "no memory for this submission");
  co_await alive(found->second.device);
  const Graph& graph = *found->second.graph;
  std::vector<TensorRef> given;
  for (std::size_t i = 0; i < inputs.size(); ++i) given.push_back({graph.value(graph.inputs[i]).dtype, inputs[i]});
  std::vector<MutableTensorRef> taken;
  for (std::size_t i = 0; i < outputs.size(); ++i) taken.push_back({graph.value(graph.outputs[i]).dtype, outputs[i]});
  co_await found->second.executable->run(std::move(given), std::move(taken), Stop());
}

Request GpuWorld::on_gpu(const Cid& cid, bool fallback) const {
  Request asked = request();
  asked.model = cid.text();
  asked.config.platform = "webgpu";
  asked.config.allow_fallback = fallback;
  return asked;
}

}  // namespace ipfs_accelerate::scripted
