// The tiny encoder of the self-check, its numbers, and the comparison.
#include "backend/self_check.h"

#include <cmath>
#include <map>

namespace ipfs_accelerate {
namespace {

constexpr std::int64_t kHidden = 64, kHeads = 2, kWords = 16, kMaskedTokens = 9;
constexpr std::int64_t kSequences = 2, kTokens = 40, kPicked = 3;
constexpr double kTolerance32 = 2e-4, kTolerance16 = 2e-2;

const ShapeClass& check_shape() {
  static const ShapeClass shape{{kBatch, kSequences}, {kSequence, kTokens}, {kRows, kPicked}};
  return shape;
}

using Values = std::map<std::string, Tensor>;

ValueId linear(GraphBuilder& builder, const std::string& name, ValueId x, std::int64_t n, std::int64_t k,
               Activation activation = Activation::kNone, ValueId residual = kNoValue) {
  return builder.add(name, op::Linear{.x = x,
                                      .residual = residual,
                                      .weight = builder.weight(name, {n, k}),
                                      .bias = builder.weight(name + ".bias", {n}),
                                      .activation = activation});
}

}  // namespace

Result<Graph> self_check_graph() {
  GraphBuilder builder;
  const Dim batch = builder.symbol(batch_symbol());
  const Dim sequence = builder.symbol(sequence_symbol());
  const Dim picked_rows = builder.symbol(rows_symbol());
  const ValueId ids = builder.input("input_ids", Dtype::kI32, {batch, sequence});
  const ValueId mask = builder.input("attention_mask", Dtype::kI32, {batch, sequence});
  const ValueId rows = builder.input("rows", Dtype::kI32, {picked_rows});
  const WeightId gamma = builder.weight("gamma", {kHidden}), beta = builder.weight("beta", {kHidden});
  ValueId x = builder.add("embed", op::Embed{.ids = ids,
                                             .position_ids = mask,
                                             .word = builder.weight("word", {kWords, kHidden}),
                                             .position = builder.weight("position", {2, kHidden}),
                                             .gamma = gamma,
                                             .beta = beta});
  const ValueId bias =
      builder.add("bias", op::RelativeBias{.table = builder.weight("table", {32, kHeads}), .length = sequence});
  const ValueId qkv = linear(builder, "qkv", x, 3 * kHidden, kHidden);
  op::Attention attention = op::self_attention(qkv, kHeads, kHidden / kHeads);
  attention.mask = mask;
  attention.bias = bias;
  const ValueId mixed = builder.add("attention", attention);
  x = linear(builder, "out", mixed, kHidden, kHidden, Activation::kNone, x);
  x = builder.add("norm", op::LayerNorm{.x = x, .gamma = gamma, .beta = beta});
  x = linear(builder, "up", x, 2 * kHidden, kHidden, Activation::kGelu);
  x = linear(builder, "down", x, kHidden, 2 * kHidden);
  const ValueId picked = builder.add("select", op::SelectRows{.x = x, .rows = rows});
  const ValueId pooled = builder.add("pool", op::Pool{.x = x, .mask = mask});
  builder.output(builder.add("normalize", op::Normalize{.x = pooled}), "embedding");
  builder.output(linear(builder, "head", picked, kWords, kHidden, Activation::kTanh), "logits");
  return builder.finish();
}

namespace {

/// Repeatable numbers in (-1, 1), scaled.
Tensor numbers(const Shape& shape, float scale, std::uint32_t seed) {
  Tensor out = Tensor::f32(shape);
  for (float& value : out.f32s()) {
    seed = seed * 1664525u + 1013904223u;
    value = (float(seed >> 8) / 8388608.0f - 1.0f) * scale;
  }
  return out;
}

Values check_inputs() {
  const std::int64_t tokens = kSequences * kTokens;
  const auto counted = [](const Shape& shape, auto value) {
    Tensor tensor = Tensor::i32(shape);
    for (std::size_t i = 0; i < tensor.i32s().size(); ++i) tensor.i32s()[i] = std::int32_t(value(std::int64_t(i)));
    return tensor;
  };
  const Shape per_token{kSequences, kTokens};
  Values values;
  values["input_ids"] = counted(per_token, [](std::int64_t i) { return i * 7 % kWords; });
  values["attention_mask"] = counted(per_token, [&](std::int64_t i) { return i < tokens - kMaskedTokens; });
  values["rows"] = counted({kPicked}, [&](std::int64_t i) { return i * 29 % tokens; });
  return values;
}

/// Runs a part of the encoder on a program made for it; its outputs join `values`.
Async<> run_part(const Graph& part, std::unique_ptr<Program> program, Values& values, Stop stop) {
  for (const WeightId id : used_weights(part)) {
    const Shape& shape = part.weight(id).shape;
    const float scale = shape.size() == 1 ? 1.0f : 1.5f / std::sqrt(float(shape[1]));
    const Tensor stored = numbers(shape, scale, std::uint32_t(id.number) + 1);
    co_await program->upload(id, {{Dtype::kF32, shape, stored.bytes}}, stop);
  }
  const auto executable = co_await program->compile(check_shape(), stop);
  std::vector<TensorRef> inputs;
  for (const ValueId id : part.inputs) {
    const Tensor& tensor = values.at(part.value(id).name);
    inputs.push_back({tensor.dtype, tensor.bytes});
  }
  std::vector<Tensor> results;
  for (const ValueId id : part.outputs) results.push_back(Tensor::f32(part.shape_of(id, check_shape())));
  std::vector<MutableTensorRef> outputs;
  for (Tensor& result : results) outputs.push_back({Dtype::kF32, result.bytes});
  co_await executable->run(std::move(inputs), std::move(outputs), stop);
  for (std::size_t i = 0; i < results.size(); ++i) values[part.value(part.outputs[i]).name] = std::move(results[i]);
}

/// Runs the encoder on the device, and the stretches it declines on the reference.
Async<Values> run_on(const CheckedDevice& device, Backend& reference, const Graph& graph, Stop stop) {
  Values values = check_inputs();
  const auto declined = [&](std::size_t i) { return !device.declines(graph, graph.nodes[i]).empty(); };
  for (std::size_t begin = 0, end = 0; begin < graph.nodes.size(); begin = end) {
    const bool elsewhere = declined(begin);
    for (end = begin + 1; end < graph.nodes.size() && declined(end) == elsewhere;) ++end;
    const Graph part = slice(graph, begin, end);
    auto program = elsewhere ? co_await reference.load(part, {}, stop) : co_await device.load(part, stop);
    co_await run_part(part, std::move(program), values, stop);
  }
  co_return values;
}

double worst_difference(const Graph& graph, const Values& expected, const Values& got) {
  double worst = 0;
  for (const ValueId id : graph.outputs) {
    const auto wanted = expected.at(graph.value(id).name).f32s(), given = got.at(graph.value(id).name).f32s();
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const double difference = std::abs(double(wanted[i]) - double(given[i]));
      worst = std::isnan(worst) || difference <= worst ? worst : difference;  // a NaN stays
    }
  }
  return worst;
}

}  // namespace

Async<std::string> self_check(CheckedDevice device, Backend& reference, Stop stop) {
  const Graph graph = co_await self_check_graph();
  Values expected = check_inputs();
  auto program = co_await reference.load(graph, {}, stop);
  co_await run_part(graph, std::move(program), expected, stop);
  const auto got = co_await as_result(run_on(device, reference, graph, stop));
  if (!got) {
    const ErrorCode code = got.error().code;
    if (code == ErrorCode::kDeviceLost || code == ErrorCode::kCancelled) co_await std::unexpected(got.error());
    co_return got.error().message;
  }
  const double worst = worst_difference(graph, expected, *got);
  const double allowed = device.precision == 16 ? kTolerance16 : kTolerance32;
  if (worst <= allowed) co_return std::string();
  co_return std::format("differs from the CPU by {:.2e}, allowed {:.0e}", worst, allowed);
}

}  // namespace ipfs_accelerate
