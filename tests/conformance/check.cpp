// Runs one conformance case on a backend and compares with the reference interpreter.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <format>

#include "conformance/conformance.h"
#include "golden/reference.h"
#include "tensor/format.h"

namespace ipfs_accelerate {
Bytes store_as(Dtype dtype, std::span<const float> values) {
  Bytes bytes(static_cast<std::size_t>(byte_count(dtype, std::int64_t(values.size()))));
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::uint32_t bits;
    std::memcpy(&bits, &values[i], 4);
    if (dtype == Dtype::kF16) {
      const std::uint16_t half = f32_to_f16(values[i]);
      std::memcpy(&bytes[2 * i], &half, 2);
    } else if (dtype == Dtype::kBF16) {
      const auto upper = static_cast<std::uint16_t>(bits >> 16);
      std::memcpy(&bytes[2 * i], &upper, 2);
    } else {
      std::memcpy(&bytes[4 * i], &bits, 4);
    }
  }
  return bytes;
}

namespace {

// A stack is uploaded as its parts, of equal height.
Async<> upload(const ConformanceCase& c, WeightId id, Program& program) {
  const Weight& weight = c.graph.weight(id);
  const Bytes bytes = store_as(c.weight_dtype, c.weights[id.index()].f32s());
  const std::size_t count = weight.parts.size();
  Shape shape = weight.shape;
  shape[0] /= static_cast<std::int64_t>(count);
  std::vector<WeightPart> parts;
  for (std::size_t i = 0; i < count; ++i) {
    parts.push_back({c.weight_dtype, shape, ByteView(bytes).subspan(bytes.size() / count * i, bytes.size() / count)});
  }
  co_await program.upload(id, std::move(parts), Stop());
}

Async<std::vector<Tensor>> run_once(const ConformanceCase& c, const std::vector<Tensor>& given,
                                    Executable& executable) {
  std::vector<TensorRef> inputs;
  for (const Tensor& tensor : given) inputs.push_back({tensor.dtype, tensor.bytes});
  std::vector<Tensor> outputs;
  std::vector<MutableTensorRef> targets;
  for (ValueId id : c.graph.outputs) {
    const Shape shape = c.graph.shape_of(id, c.shape);
    outputs.push_back(c.graph.value(id).dtype == Dtype::kI32 ? Tensor::i32(shape) : Tensor::f32(shape));
    const bool whole = outputs.back().dtype == Dtype::kI32;
    std::ranges::fill(outputs.back().bytes, whole ? std::uint8_t{0x80} : std::uint8_t{0xff});  // NaN, or far below -1
  }
  for (Tensor& output : outputs) targets.push_back({output.dtype, output.bytes});
  co_await executable.run(std::move(inputs), std::move(targets), Stop());
  co_return outputs;
}

/// Whole numbers must be equal.
std::string compare_ints(const Tensor& actual, const Tensor& expected) {
  const auto got = actual.i32s(), wanted = expected.i32s();
  const auto [at, other] = std::ranges::mismatch(got, wanted);
  if (at == got.end()) return "";
  return std::format("element {} of {} is {}, expected {}", at - got.begin(), shape_text(expected.shape), *at, *other);
}

/// In f16 (`half`) a number beyond its range may become infinite.
std::string compare(const Tensor& actual, const Tensor& expected, double tolerance, bool half) {
  if (expected.dtype == Dtype::kI32) return compare_ints(actual, expected);
  double worst = -1;
  std::size_t where = 0;
  for (std::size_t i = 0; i < expected.f32s().size(); ++i) {
    const float got = actual.f32s()[i], wanted = expected.f32s()[i];
    if (half && std::isinf(got) && std::abs(wanted) > 65504 && std::signbit(got) == std::signbit(wanted)) continue;
    const double difference =
        std::abs(double{actual.f32s()[i]} - expected.f32s()[i]) / (1 + std::abs(double{expected.f32s()[i]}));
    if (difference <= worst) continue;  // NaN goes on
    worst = difference;
    where = i;
    if (std::isnan(difference)) break;
  }
  if (worst <= tolerance) return "";
  return std::format("element {} of {} is {}, expected {} (error {}, tolerance {})", where, shape_text(expected.shape),
                     actual.f32s()[where], expected.f32s()[where], worst, tolerance);
}

/// What the backend says a graph will take, and what it takes.
Async<> check_memory(const ConformanceCase& c, const Backend& backend, LoadOptions options, const Program& program,
                     const Executable& executable) {
  const Memory predicted = co_await backend.predict(c.graph, c.shape, options);
  const Memory taken{program.weight_bytes(), program.state_bytes(), executable.memory_bytes()};
  if (predicted == taken) co_return;
  co_await fail(
      ErrorCode::kInternal, "predicted {}, {} and {} bytes of weights, states and activations, taken {}, {} and {}",
      predicted.weights, predicted.states, predicted.activations, taken.weights, taken.states, taken.activations);
}

std::vector<std::vector<Tensor>> inputs_of_runs(const ConformanceCase& c) {
  std::vector<std::vector<Tensor>> runs{c.inputs};
  runs.append_range(c.later);
  return runs;
}

/// What each run gives.
Result<std::vector<std::vector<Tensor>>> reference_runs(const ConformanceCase& c) {
  std::vector<std::vector<Tensor>> outputs;
  ReferenceStates states;
  for (const auto& inputs : inputs_of_runs(c)) {
    IA_ASSIGN(outputs.emplace_back(), run_reference(c.graph, c.shape, c.weights, inputs, &states));
  }
  return outputs;
}

Async<std::vector<std::vector<Tensor>>> run_twice(const ConformanceCase& c, Backend& backend, LoadOptions options) {
  const auto program = co_await backend.load(c.graph, options, Stop());
  for (WeightId id : used_weights(c.graph)) co_await upload(c, id, *program);
  co_await program->make_states(c.shape, Stop());
  const auto executable = co_await program->compile(c.shape, Stop());
  co_await check_memory(c, backend, options, *program, *executable);
  std::vector<std::vector<Tensor>> runs;
  for (int i = 0; i < 2; ++i) {
    for (const auto& inputs : inputs_of_runs(c)) runs.push_back(co_await run_once(c, inputs, *executable));
  }
  co_return runs;
}

}  // namespace

Async<Outcome> check_conformance(const ConformanceCase& c, Backend& backend, LoadOptions options,
                                 double tolerance_scale) {
  const std::string label = std::format("{} {}", c.op, c.name);
  for (const Node& node : c.graph.nodes) {
    const std::string reason = backend.declines(c.graph, node, options);
    if (!reason.empty()) co_return Outcome{std::format("{}: {}", label, reason), ""};
  }
  const auto expected = reference_runs(c);
  if (!expected) co_return Outcome{"", std::format("{}: reference: {}", label, expected.error().message)};
  const auto runs = co_await as_result(run_twice(c, backend, options));
  if (!runs) {
    co_return Outcome{"", std::format("{}: {}: {}", label, error_name(runs.error().code), runs.error().message)};
  }
  for (std::size_t run = 0; run < runs->size(); ++run) {
    const auto& outputs = (*runs)[run];
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const std::string wrong = compare(outputs[i], (*expected)[run % expected->size()][i],
                                        c.tolerance * tolerance_scale, options.precision == 16);
      if (!wrong.empty()) co_return Outcome{"", std::format("{}: output {}: {}", label, i, wrong)};
    }
  }
  co_return Outcome{};
}

}  // namespace ipfs_accelerate
