// Program: checks weights, widens and packs them on the pool.
#include "backend/cpu/program.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <numeric>

#include "backend/cpu/steps.h"
#include "tensor/format.h"

namespace ipfs_accelerate::cpu {
namespace {

std::int64_t rows_of(const Shape& shape) { return shape.empty() ? 1 : shape[0]; }
std::int64_t row_length(const Shape& shape) {
  return shape.empty() ? 1 : std::reduce(shape.begin() + 1, shape.end(), std::int64_t{1}, std::multiplies<>());
}

}  // namespace

std::vector<PreparedWeight> plan_weights(const Graph& graph) {
  std::vector<PreparedWeight> weights(graph.weights.size());
  for (const Node& node : graph.nodes) {
    const auto panels = std::visit([](const auto& op) { return panels_of(op); }, node.op);
    for (const WeightId id : weights_of(node.op)) {
      PreparedWeight& weight = weights[id.index()];
      (std::ranges::contains(panels, id) ? weight.needs_panels : weight.needs_rows) = true;
    }
  }
  return weights;
}

std::size_t state_floats(const Graph& graph, StateId id, const ShapeClass& sizes, Dtype dtype) {
  const auto bytes = byte_count(dtype, graph.shape_of(graph.states[id.index()].first, sizes)).value_or(0);
  return (static_cast<std::size_t>(bytes) + sizeof(float) - 1) / sizeof(float);
}

PreparedSizes prepared_sizes(const Weight& weight, const PreparedWeight& forms, const Kernels& kernels) {
  const auto rows = static_cast<std::size_t>(rows_of(weight.shape));
  const auto length = static_cast<std::size_t>(row_length(weight.shape));
  return {forms.needs_panels ? kernels.packed_size(rows, length) : 0, forms.needs_rows ? rows * length : 0};
}

namespace {

// The parts, stacked along dimension 0, must be exactly the weight.
Result<> check_parts(const Weight& weight, std::span<const WeightPart> parts) {
  std::int64_t rows = 0;
  for (const WeightPart& part : parts) {
    if (!format_of(part.dtype).widens) {
      return fail(ErrorCode::kUnsupportedDtype, "weight '{}' is stored as {}; {} can be used", weight.name,
                  dtype_name(part.dtype), widening_formats());
    }
    IA_ASSIGN(const std::int64_t bytes, byte_count(part.dtype, part.shape));
    if (std::cmp_not_equal(part.bytes.size(), bytes)) {
      return fail(ErrorCode::kMalformedWeights, "weight '{}': {} bytes for {} {}", weight.name, part.bytes.size(),
                  shape_text(part.shape), dtype_name(part.dtype));
    }
    if (part.shape.size() != weight.shape.size() || row_length(part.shape) != row_length(weight.shape)) {
      return fail(ErrorCode::kWrongShape, "weight '{}' has a part of shape {}, {} is needed", weight.name,
                  shape_text(part.shape), shape_text(weight.shape));
    }
    rows += rows_of(part.shape);
  }
  if (rows != rows_of(weight.shape)) {
    return fail(ErrorCode::kWrongShape, "weight '{}' has {} rows, {} is needed", weight.name, rows,
                shape_text(weight.shape));
  }
  return {};
}

std::size_t bytes_of(Dtype dtype, std::size_t elements) {
  return static_cast<std::size_t>(byte_count(dtype, static_cast<std::int64_t>(elements)));
}

class CpuProgram final : public Program {
 public:
  explicit CpuProgram(std::shared_ptr<ProgramState> state) : state_(std::move(state)) {}

  Async<> upload(WeightId id, std::vector<WeightPart> parts, Stop stop) override;
  Async<> make_states(ShapeClass sizes, Stop stop) override;
  Async<std::unique_ptr<Executable>> compile(ShapeClass shape, Stop stop, std::shared_ptr<const Graph> part) override;

  int precision() const override { return 32; }
  std::int64_t weight_bytes() const override {
    std::int64_t sum = 0;
    for (const PreparedWeight& weight : state_->weights) {
      sum += static_cast<std::int64_t>(weight.panels.bytes() + weight.rows.bytes());
    }
    return sum;
  }

  std::int64_t state_bytes() const override {
    std::int64_t sum = 0;
    if (!state_->states) return sum;
    for (const Buffer& pages : state_->states->pages) sum += static_cast<std::int64_t>(pages.bytes());
    return sum;
  }

  std::vector<std::string> optimizations() const override {
    std::vector<std::string> result{std::string(state_->kernels->simd) + " kernels", "prepacked weights",
                                    "fused bias, activation and residual", "fused attention over attended keys",
                                    "f32 compute on " + std::to_string(state_->pool->threads()) +
                                        (state_->pool->threads() == 1 ? " thread" : " threads")};
    if (state_->options.precision == 16)
      result.push_back("precision 16 computed in f32: f16 arithmetic is no gain here");
    return result;
  }

 private:
  Result<> allocate(WeightId id);

  std::shared_ptr<ProgramState> state_;
};

Result<> CpuProgram::allocate(WeightId id) {
  const Weight& weight = state_->graph.weights[id.index()];
  PreparedWeight& target = state_->weights[id.index()];
  const PreparedSizes sizes = prepared_sizes(weight, target, *state_->kernels);
  target.panels = Buffer(sizes.panels, state_->compute);
  target.rows = Buffer(sizes.rows, state_->compute);
  if ((sizes.panels > 0 && target.panels.data() == nullptr) || (sizes.rows > 0 && target.rows.data() == nullptr)) {
    return fail(ErrorCode::kOutOfMemory, "no memory for weight '{}', {} floats", weight.name,
                sizes.panels + sizes.rows);
  }
  return {};
}

// Widens and packs a weight part by part; one step of the CPU's lane takes about 4 MiB.
class Packing {
 public:
  Packing(ProgramState& state, WeightId id, const std::vector<WeightPart>& parts)
      : state_(state),
        target_(state.weights[id.index()]),
        parts_(parts),
        length_(static_cast<std::size_t>(row_length(state.graph.weight(id).shape))),
        columns_(static_cast<std::size_t>(rows_of(state.graph.weight(id).shape))),
        block_(std::max<std::size_t>(state.kernels->panel_columns, 65536 / std::max<std::size_t>(length_, 1))) {}

  Result<bool> step() {
    if (part_ == parts_.size()) return false;
    if (!target_.needs_rows && scratch_.data() == nullptr) {
      scratch_ = Buffer(block_ * length_ * static_cast<std::size_t>(state_.pool->threads()));
      if (scratch_.data() == nullptr && block_ * length_ > 0) {
        return fail(ErrorCode::kOutOfMemory, "no memory to pack a weight with rows of {} floats", length_);
      }
    }
    const WeightPart& part = parts_[part_];
    const auto rows = static_cast<std::size_t>(rows_of(part.shape));
    const std::size_t end = std::min(rows, row_ + block_ * kBlocksPerStep);
    IA_TRY(pack(part, row_, end));
    row_ = end;
    if (end == rows) {
      begin_ += rows;
      row_ = 0;
      ++part_;
    }
    return part_ < parts_.size();
  }

 private:
  static constexpr std::size_t kBlocksPerStep = 16;

  // Rows [from, to) of a part.
  Result<> pack(const WeightPart& part, std::size_t from, std::size_t to) {
    std::atomic<bool> ok{true};
    const auto blocks = static_cast<std::int64_t>((to - from + block_ - 1) / block_);
    state_.pool->run(blocks, [&](std::int64_t index, int thread) {
      const std::size_t first = from + static_cast<std::size_t>(index) * block_;
      const std::size_t count = std::min(block_, to - first);
      const ByteView bytes =
          part.bytes.subspan(bytes_of(part.dtype, first * length_), bytes_of(part.dtype, count * length_));
      float* wide = target_.needs_rows ? target_.rows.data() + (begin_ + first) * length_
                                       : scratch_.data() + static_cast<std::size_t>(thread) * block_ * length_;
      if (!widen_to_f32(part.dtype, bytes, {wide, count * length_})) ok = false;
      if (target_.needs_panels) {
        state_.kernels->pack(wide, begin_ + first, count, columns_, length_, target_.panels.data());
      }
    });
    if (!ok) return fail(ErrorCode::kInternal, "a checked weight could not be widened");
    return {};
  }

  ProgramState& state_;
  PreparedWeight& target_;
  const std::vector<WeightPart>& parts_;
  std::size_t length_, columns_, block_;
  std::size_t part_ = 0, row_ = 0;  // where the next step begins
  std::size_t begin_ = 0;           // rows of the parts before
  Buffer scratch_;                  // a block of rows per thread
};

Async<> CpuProgram::upload(WeightId id, std::vector<WeightPart> parts, Stop stop) {
  if (!id || id.index() >= state_->weights.size()) {
    co_await fail(ErrorCode::kInvalidArgument, "weight {} of {}", id.number, state_->weights.size());
  }
  co_await check_parts(state_->graph.weight(id), parts);
  co_await allocate(id);
  Packing packing(*state_, id, parts);
  co_await state_->compute->run_steps([&] { return packing.step(); }, stop);
  state_->weights[id.index()].ready = true;
}

Async<> CpuProgram::make_states(ShapeClass sizes, Stop stop) {
  co_await stop.check();
  const Graph& graph = state_->graph;
  co_await graph.check(sizes);
  state_->states.reset();  // the memory of the old ones first
  auto made = std::make_shared<States>(States{state_dtype(state_->options), {}, {}});
  made->pages.resize(graph.states.size());
  made->counts.resize(graph.states.size());
  for (const StateId id : used_states(graph)) {
    const std::size_t floats = state_floats(graph, id, sizes, made->dtype);
    Buffer& pages = made->pages[id.index()] = Buffer(floats, state_->compute);
    if (pages.data() == nullptr) {
      co_await fail(ErrorCode::kOutOfMemory,
                    "no memory for {} bytes of state '{}'; use a shorter context or a smaller "
                    "batch",
                    floats * sizeof(float), graph.states[id.index()].name);
    }
    made->counts[id.index()] = graph.shape_of(graph.states[id.index()].first, sizes)[0];
  }
  state_->states = std::move(made);
}

Async<std::unique_ptr<Executable>> CpuProgram::compile(ShapeClass shape, Stop stop, std::shared_ptr<const Graph> part) {
  if (!part) part = std::shared_ptr<const Graph>(state_, &state_->graph);
  for (WeightId id : used_weights(*part)) {
    if (!state_->weights[id.index()].ready) {
      co_await fail(ErrorCode::kMissingWeight, "weight '{}' was not uploaded before compile()",
                    state_->graph.weight(id).name);
    }
  }
  for (const StateId id : used_states(*part)) {
    const State& state = part->states[id.index()];
    const std::int64_t made = state_->states ? state_->states->counts[id.index()] : 0;
    if (made == part->shape_of(state.first, shape)[0]) continue;
    co_await fail(ErrorCode::kInternal, "state '{}' has {} pages, {} are needed", state.name, made,
                  part->shape_of(state.first, shape)[0]);
  }
  co_return co_await make_executable(state_, std::move(part), shape, stop);
}

}  // namespace

std::unique_ptr<Program> make_program(Graph graph, const LoadOptions& options, const Kernels& kernels, Compute& compute,
                                      std::shared_ptr<Pool> pool) {
  auto state = std::make_shared<ProgramState>();
  state->weights = plan_weights(graph);
  state->graph = std::move(graph);
  state->options = options;
  state->kernels = &kernels;
  state->compute = &compute;
  state->pool = std::move(pool);
  return std::make_unique<CpuProgram>(std::move(state));
}

}  // namespace ipfs_accelerate::cpu
