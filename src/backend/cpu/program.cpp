// Program: checks weights, widens and packs them on all threads.
#include "backend/cpu/program.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "backend/cpu/executable.h"

namespace ipfs_accelerate::cpu {
namespace {

void mark_uses(const Node& node, std::vector<PreparedWeight>& weights) {
  for (WeightId id : weights_of(node)) weights[static_cast<std::size_t>(id)].needs_rows = true;
}

std::vector<PreparedWeight> plan_weights(const Graph& graph) {
  std::vector<PreparedWeight> weights(graph.weights.size());
  for (const Node& node : graph.nodes) {
    if (const auto* linear = std::get_if<op::Linear>(&node.op)) {
      weights[static_cast<std::size_t>(linear->weight)].needs_panels = true;
      if (linear->bias != kNoWeight) weights[static_cast<std::size_t>(linear->bias)].needs_rows = true;
    } else {
      mark_uses(node, weights);
    }
  }
  return weights;
}

bool can_widen(Dtype dtype) {
  return dtype == Dtype::kF32 || dtype == Dtype::kF16 || dtype == Dtype::kBF16 || dtype == Dtype::kF64;
}

std::int64_t rows_of(const Shape& shape) { return shape.empty() ? 1 : shape[0]; }
std::int64_t row_length(const Shape& shape) {
  return shape.empty() ? 1 : std::reduce(shape.begin() + 1, shape.end(), std::int64_t{1}, std::multiplies<>());
}

// The parts, stacked along dimension 0, must be exactly the weight.
Result<> check_parts(const Weight& weight, std::span<const WeightPart> parts) {
  std::int64_t rows = 0;
  for (const WeightPart& part : parts) {
    if (!can_widen(part.dtype)) {
      return fail(ErrorCode::kUnsupportedDtype, "weight '{}' is stored as {}; F32, F16, BF16 and F64 can be used",
                  weight.name, dtype_name(part.dtype));
    }
    IA_ASSIGN(const std::int64_t count, element_count(part.shape));
    if (part.bytes.size() != static_cast<std::size_t>(count) * dtype_size(part.dtype)) {
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

class CpuProgram final : public Program {
 public:
  explicit CpuProgram(std::shared_ptr<ProgramState> state) : state_(std::move(state)) {}

  Result<> upload(WeightId id, std::span<const WeightPart> parts) override;
  Result<std::unique_ptr<Executable>> compile(const ShapeClass& shape) override;

  std::int64_t weight_bytes() const override {
    std::int64_t sum = 0;
    for (const PreparedWeight& weight : state_->weights) {
      sum += static_cast<std::int64_t>(weight.panels.bytes() + weight.rows.bytes());
    }
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
  Result<> fill(PreparedWeight& target, const Shape& shape, std::span<const WeightPart> parts);

  std::shared_ptr<ProgramState> state_;
};

Result<> CpuProgram::upload(WeightId id, std::span<const WeightPart> parts) {
  if (id < 0 || static_cast<std::size_t>(id) >= state_->weights.size()) {
    return fail(ErrorCode::kInvalidArgument, "weight {} of {}", id, state_->weights.size());
  }
  const Weight& weight = state_->graph.weights[static_cast<std::size_t>(id)];
  IA_TRY(check_parts(weight, parts));
  PreparedWeight& target = state_->weights[static_cast<std::size_t>(id)];
  const auto rows = static_cast<std::size_t>(rows_of(weight.shape));
  const auto length = static_cast<std::size_t>(row_length(weight.shape));
  if (target.needs_panels) target.panels = Buffer(state_->kernels->packed_size(rows, length));
  if (target.needs_rows) target.rows = Buffer(rows * length);
  const bool got_all = (!target.needs_panels || target.panels.data() != nullptr || rows * length == 0) &&
                       (!target.needs_rows || target.rows.data() != nullptr || rows * length == 0);
  if (!got_all) {
    return fail(ErrorCode::kOutOfMemory, "no memory for weight '{}', {} floats", weight.name, rows * length);
  }
  IA_TRY(fill(target, weight.shape, parts));
  target.ready = true;
  return {};
}

Result<> CpuProgram::fill(PreparedWeight& target, const Shape& shape, std::span<const WeightPart> parts) {
  const auto length = static_cast<std::size_t>(row_length(shape));
  const auto columns = static_cast<std::size_t>(rows_of(shape));
  const std::size_t block =
      std::max<std::size_t>(state_->kernels->panel_columns, 65536 / std::max<std::size_t>(length, 1));
  std::vector<std::vector<float>> scratch(static_cast<std::size_t>(state_->pool->threads()));
  std::atomic<bool> ok{true};
  std::size_t begin = 0;
  for (const WeightPart& part : parts) {
    const auto rows = static_cast<std::size_t>(rows_of(part.shape));
    state_->pool->run(static_cast<std::int64_t>((rows + block - 1) / block), [&](std::int64_t index, int thread) {
      const std::size_t first = static_cast<std::size_t>(index) * block;
      const std::size_t count = std::min(block, rows - first);
      const std::size_t element = dtype_size(part.dtype);
      const ByteView bytes = part.bytes.subspan(first * length * element, count * length * element);
      float* wide = nullptr;
      if (target.needs_rows) {
        wide = target.rows.data() + (begin + first) * length;
      } else {
        auto& own = scratch[static_cast<std::size_t>(thread)];
        own.resize(block * length);
        wide = own.data();
      }
      if (!widen_to_f32(part.dtype, bytes, {wide, count * length})) ok = false;
      if (target.needs_panels) {
        state_->kernels->pack(wide, begin + first, count, columns, length, target.panels.data());
      }
    });
    begin += rows;
  }
  if (!ok) return fail(ErrorCode::kInternal, "a checked weight could not be widened");
  return {};
}

Result<std::unique_ptr<Executable>> CpuProgram::compile(const ShapeClass& shape) {
  for (WeightId id : used_weights(state_->graph)) {
    if (!state_->weights[static_cast<std::size_t>(id)].ready) {
      return fail(ErrorCode::kMissingWeight, "weight '{}' was not uploaded before compile()",
                  state_->graph.weights[static_cast<std::size_t>(id)].name);
    }
  }
  return make_executable(state_, shape);
}

}  // namespace

std::unique_ptr<Program> make_program(const Graph& graph, const LoadOptions& options, const Kernels& kernels,
                                      std::shared_ptr<ThreadPool> pool) {
  auto state = std::make_shared<ProgramState>();
  state->graph = graph;
  state->options = options;
  state->kernels = &kernels;
  state->pool = std::move(pool);
  state->weights = plan_weights(graph);
  return std::make_unique<CpuProgram>(std::move(state));
}

}  // namespace ipfs_accelerate::cpu
