// Executable: places values in the arena, checks inputs and outputs, runs the steps in order.
#include "backend/cpu/executable.h"

#include <algorithm>
#include <cstring>

#include "backend/check_tensors.h"
#include "backend/cpu/steps.h"

namespace ipfs_accelerate::cpu {

std::size_t RunState::rows_of(ValueId id) const {
  std::size_t rows = 1;
  const Shape& shape = shape_of(id);
  for (std::size_t i = 0; i + 1 < shape.size(); ++i) rows *= static_cast<std::size_t>(shape[i]);
  return rows;
}

namespace {

constexpr std::int64_t kArenaAlignment = 64;

bool is_constant_node(const Node& node) {
  return std::visit([](const auto& op) { return is_constant(op); }, node.op);
}

}  // namespace

Result<ExecutableSizes> executable_sizes(const Graph& graph, const ShapeClass& shape, const Kernels& kernels,
                                         const LoadOptions& options) {
  IA_TRY(graph.check(shape));
  const auto floats = [&](ValueId id) { return element_count(graph.shape_of(id, shape)).value_or(0); };
  ExecutableSizes sizes;
  auto bytes = computed_bytes(graph, [&](ValueId id) { return floats(id) * std::int64_t{sizeof(float)}; });
  for (const Node& node : graph.nodes) {
    if (is_constant_node(node)) {  // lies outside the arena, which later nodes write over
      bytes[node.output.index()] = -1;
      sizes.constants += static_cast<std::size_t>(floats(node.output));
    }
    const Sizing sizing{graph, shape, kernels, state_dtype(options)};
    sizes.scratch_stride =
        std::max(sizes.scratch_stride, std::visit([&](const auto& op) { return scratch_of(op, sizing); }, node.op));
  }
  sizes.plan = plan_memory(graph, bytes, Rooms::kArena, kArenaAlignment);
  sizes.arena = static_cast<std::size_t>(sizes.plan.bytes() + 3) / 4;
  sizes.scratch_stride = (sizes.scratch_stride + 15) / 16 * 16 + 16;
  return sizes;
}

namespace {

class CpuExecutable final : public Executable {
 public:
  CpuExecutable(std::shared_ptr<const ProgramState> program, std::shared_ptr<const Graph> part, const ShapeClass& shape)
      : program_(std::move(program)),
        part_(std::move(part)),
        graph_(*part_),
        run_{*program_, graph_, program_->states, shape, {}, {}, {}, 0, {}} {}

  Result<> prepare();
  Async<> run(std::vector<TensorRef> inputs, std::vector<MutableTensorRef> outputs, Stop stop) override;
  std::int64_t memory_bytes() const override {
    std::size_t bytes = arena_.bytes() + run_.scratch.bytes();
    for (const Buffer& constant : constants_) bytes += constant.bytes();
    return static_cast<std::int64_t>(bytes);
  }

 private:
  Result<> place_values(const MemoryPlan& plan, std::size_t floats);
  Result<> place_constants();
  Result<> make_scratch();
  Result<> bind_inputs(std::span<const TensorRef> inputs);
  Result<> bind_outputs(std::span<const MutableTensorRef> outputs);
  Result<> compute(const Node& node);
  Result<> run_node(std::size_t index, const Stop& stop);
  void copy_outputs(std::span<const MutableTensorRef> outputs) const;
  std::size_t byte_count(ValueId id) const;

  std::shared_ptr<const ProgramState> program_;
  std::shared_ptr<const Graph> part_;
  const Graph& graph_;
  RunState run_;
  Buffer arena_;
  std::vector<Buffer> constants_;         // values that depend on weights and shape alone
  std::vector<bool> is_constant_;         // per node
  std::vector<std::byte*> arena_places_;  // per value: where it lies when no caller's buffer takes it
};

std::size_t CpuExecutable::byte_count(ValueId id) const {
  std::size_t count = 4;
  for (std::int64_t size : run_.shape_of(id)) count *= static_cast<std::size_t>(size);
  return count;
}

Result<> CpuExecutable::prepare() {
  IA_ASSIGN(const ExecutableSizes sizes, executable_sizes(graph_, run_.shape, *program_->kernels, program_->options));
  for (const Value& value : graph_.values) run_.shapes.push_back(graph_.bind(value.dims, run_.shape));
  run_.scratch_stride = sizes.scratch_stride;
  IA_TRY(place_values(sizes.plan, sizes.arena));
  IA_TRY(make_scratch());
  return place_constants();
}

Result<> CpuExecutable::place_values(const MemoryPlan& plan, std::size_t floats) {
  arena_ = Buffer(floats, program_->compute);
  if (floats > 0 && arena_.data() == nullptr) {
    return fail(ErrorCode::kOutOfMemory, "no memory for {} bytes of activations; use a smaller batch", plan.bytes());
  }
  arena_places_.assign(graph_.values.size(), nullptr);
  for (std::size_t i = 0; i < graph_.values.size(); ++i) {
    if (const StateId state = graph_.values[i].state; state && run_.states) {
      arena_places_[i] = reinterpret_cast<std::byte*>(run_.states->pages[state.index()].data());
    }
    if (plan.spots[i].room < 0) continue;
    arena_places_[i] = reinterpret_cast<std::byte*>(arena_.data()) + plan.spots[i].offset;
  }
  run_.places = arena_places_;
  return {};
}

Result<> CpuExecutable::make_scratch() {
  run_.scratch = Buffer(run_.scratch_stride * static_cast<std::size_t>(program_->pool->threads()));
  if (run_.scratch.data() == nullptr) {
    return fail(ErrorCode::kOutOfMemory, "no memory for {} floats of scratch on each thread; use a smaller batch",
                run_.scratch_stride);
  }
  return {};
}

// Values that are the same in every run are computed here, outside the arena, which later nodes write over.
Result<> CpuExecutable::place_constants() {
  is_constant_.assign(graph_.nodes.size(), false);
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    const Node& node = graph_.nodes[i];
    if (!is_constant_node(node)) continue;
    constants_.emplace_back(byte_count(node.output) / 4);
    if (constants_.back().data() == nullptr) {
      return fail(ErrorCode::kOutOfMemory, "no memory for {} bytes of '{}'; use a shorter sequence",
                  byte_count(node.output), node.name);
    }
    arena_places_[node.output.index()] = reinterpret_cast<std::byte*>(constants_.back().data());
    run_.places = arena_places_;
    IA_TRY(compute(node));
    // An output goes into the caller's buffer, so it is computed there again.
    is_constant_[i] = std::ranges::find(graph_.outputs, node.output) == graph_.outputs.end();
  }
  return {};
}

Result<> CpuExecutable::compute(const Node& node) {
  return std::visit([&](const auto& op) { return cpu::run(op, node.output, run_); }, node.op);
}

bool is_aligned(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer) % alignof(float) == 0; }

Result<> CpuExecutable::bind_inputs(std::span<const TensorRef> inputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const ValueId id = graph_.inputs[i];
    if (!is_aligned(inputs[i].bytes.data())) {
      return fail(ErrorCode::kInvalidArgument, "input '{}' does not start on a multiple of 4 bytes",
                  graph_.value(id).name);
    }
    run_.places[id.index()] = reinterpret_cast<std::byte*>(const_cast<std::uint8_t*>(inputs[i].bytes.data()));
  }
  return {};
}

// A value that is an output is computed in the caller's buffer.
Result<> CpuExecutable::bind_outputs(std::span<const MutableTensorRef> outputs) {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const ValueId id = graph_.outputs[i];
    if (outputs[i].bytes.empty()) continue;
    if (!is_aligned(outputs[i].bytes.data())) {
      return fail(ErrorCode::kInvalidArgument, "output '{}' does not start on a multiple of 4 bytes",
                  graph_.value(id).name);
    }
    if (arena_places_[id.index()] != nullptr) {
      run_.places[id.index()] = reinterpret_cast<std::byte*>(outputs[i].bytes.data());
    }
  }
  return {};
}

// The pool leaves out what is left of a section once the caller asked to stop.
class StopPool {
 public:
  StopPool(Pool& pool, const Stop& stop) : pool_(pool) { pool_.stop_at(&stop.flag()); }
  ~StopPool() { pool_.stop_at(nullptr); }

 private:
  Pool& pool_;
};

Result<> CpuExecutable::run_node(std::size_t index, const Stop& stop) {
  if (is_constant_[index]) return {};
  const Node& node = graph_.nodes[index];
  const StopPool stopped(*program_->pool, stop);
  auto done = compute(node);
  IA_TRY(stop.check());  // the step may have left something out
  if (!done) return while_doing(std::move(done).error(), "computing '{}' on the CPU", node.name);
  return {};
}

// An input passed through, or an output named twice.
void CpuExecutable::copy_outputs(std::span<const MutableTensorRef> outputs) const {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].bytes.empty()) continue;
    const std::byte* from = run_.places[graph_.outputs[i].index()];
    if (reinterpret_cast<const std::uint8_t*>(from) != outputs[i].bytes.data()) {
      std::memcpy(outputs[i].bytes.data(), from, outputs[i].bytes.size());
    }
  }
}

Async<> CpuExecutable::run(std::vector<TensorRef> inputs, std::vector<MutableTensorRef> outputs, Stop stop) {
  co_await check_tensors(graph_, run_.shape, inputs, outputs);
  run_.places = arena_places_;
  run_.attended.of = {};
  co_await bind_inputs(inputs);
  co_await bind_outputs(outputs);
  std::size_t next = 0;
  const auto step = [&]() -> Result<bool> {
    if (next < graph_.nodes.size()) IA_TRY(run_node(next, stop));
    if (++next < graph_.nodes.size()) return true;
    copy_outputs(outputs);
    return false;
  };
  co_await program_->compute->run_steps(step, stop);
}

}  // namespace

Async<std::unique_ptr<Executable>> make_executable(std::shared_ptr<const ProgramState> program,
                                                   std::shared_ptr<const Graph> part, ShapeClass shape, Stop stop) {
  Compute& compute = *program->compute;
  auto executable = std::make_unique<CpuExecutable>(std::move(program), std::move(part), shape);
  const auto prepare = [&]() -> Result<bool> {
    IA_TRY(executable->prepare());
    return false;
  };
  co_await compute.run_steps(prepare, stop);
  co_return std::unique_ptr<Executable>(std::move(executable));
}

}  // namespace ipfs_accelerate::cpu
