// Running the parts of the self-check on a device and on the reference, and the comparison.
#include "backend/self_check.h"

#include <algorithm>
#include <cmath>

#include "backend/self_check_parts.h"

namespace ipfs_accelerate {
namespace {

constexpr double kTolerance32 = 2e-4, kTolerance16 = 2e-2;

Tensor empty_tensor(const Graph& graph, ValueId id, const ShapeClass& shape) {
  Shape bound = graph.shape_of(id, shape);
  return graph.value(id).dtype == Dtype::kI32 ? Tensor::i32(std::move(bound)) : Tensor::f32(std::move(bound));
}

/// What the graph gives joins `values`.
Async<> run_once(const Graph& graph, Executable& executable, const ShapeClass& shape, CheckedValues& values,
                 Stop stop) {
  std::vector<TensorRef> inputs;
  for (const ValueId id : graph.inputs) {
    const Tensor& tensor = values.at(graph.value(id).name);
    inputs.push_back({tensor.dtype, tensor.bytes});
  }
  std::vector<Tensor> results;
  for (const ValueId id : graph.outputs) results.push_back(empty_tensor(graph, id, shape));
  std::vector<MutableTensorRef> outputs;
  for (Tensor& result : results) outputs.push_back({result.dtype, result.bytes});
  co_await executable.run(std::move(inputs), std::move(outputs), stop);
  for (std::size_t i = 0; i < results.size(); ++i) values[graph.value(graph.outputs[i]).name] = std::move(results[i]);
}

/// Every run of a part, or of a stretch of it, on a program made for it; `values` has those of each run.
Async<> run_all(const Graph& graph, const CheckedPart& part, std::unique_ptr<Program> program,
                std::vector<CheckedValues>& values, Stop stop) {
  for (const WeightId id : used_weights(graph)) {
    const Tensor stored = self_check_weight(graph, id);
    co_await program->upload(id, {{Dtype::kF32, stored.shape, stored.bytes}}, stop);
  }
  if (!used_states(graph).empty()) co_await program->make_states(part.runs.front().shape, stop);
  for (std::size_t i = 0; i < part.runs.size(); ++i) {
    const auto executable = co_await program->compile(part.runs[i].shape, stop);
    co_await run_once(graph, *executable, part.runs[i].shape, values[i], stop);
  }
}

std::vector<CheckedValues> inputs_of(const CheckedPart& part) {
  std::vector<CheckedValues> values;
  for (const CheckedRun& run : part.runs) values.push_back(run.inputs);
  return values;
}

/// Runs the part on the device, and the stretches it declines on the reference.
Async<std::vector<CheckedValues>> run_on(const CheckedDevice& device, Backend& reference, const CheckedPart& part,
                                         Stop stop) {
  const Graph& graph = part.graph;
  std::vector<CheckedValues> values = inputs_of(part);
  const auto declined = [&](std::size_t i) { return !device.declines(graph, graph.nodes[i]).empty(); };
  for (std::size_t begin = 0, end = 0; begin < graph.nodes.size(); begin = end) {
    const bool elsewhere = declined(begin);
    for (end = begin + 1; end < graph.nodes.size() && declined(end) == elsewhere;) ++end;
    const Graph stretch = slice(graph, begin, end);
    auto program = elsewhere ? co_await reference.load(stretch, {}, stop) : co_await device.load(stretch, stop);
    co_await run_all(stretch, part, std::move(program), values, stop);
  }
  co_return values;
}

/// States lie on one device, so a model's part with states runs there as a whole or not at all (engine/plan.h): where
/// the device declines one op of it, none of the part is ever asked of it, and there is nothing to check.
bool never_runs(const CheckedDevice& device, const Graph& graph) {
  const auto declined = [&](const Node& node) { return !device.declines(graph, node).empty(); };
  return !used_states(graph).empty() && std::ranges::any_of(graph.nodes, declined);
}

/// A NaN stays.
double worst_difference(std::span<const float> wanted, std::span<const float> given) {
  double worst = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const double difference = std::abs(double(wanted[i]) - double(given[i]));
    worst = std::isnan(worst) || difference <= worst ? worst : difference;
  }
  return worst;
}

/// What is wrong with an output. Whole numbers must be equal at any precision.
std::string difference_of(const Tensor& wanted, const Tensor& given, double allowed) {
  if (wanted.dtype == Dtype::kI32) {
    const auto [right, other] = std::ranges::mismatch(wanted.i32s(), given.i32s());
    return right == wanted.i32s().end() ? "" : std::format("is {}, on the CPU {}", *other, *right);
  }
  const double worst = worst_difference(wanted.f32s(), given.f32s());
  return worst <= allowed ? "" : std::format("differs from the CPU by {:.2e}, allowed {:.0e}", worst, allowed);
}

std::string difference_of(const CheckedPart& part, const std::vector<CheckedValues>& expected,
                          const std::vector<CheckedValues>& got, double allowed) {
  for (std::size_t run = 0; run < expected.size(); ++run) {
    for (const ValueId id : part.graph.outputs) {
      const std::string& name = part.graph.value(id).name;
      const std::string wrong = difference_of(expected[run].at(name), got[run].at(name), allowed);
      if (!wrong.empty()) return std::format("{} of the {} {}", name, part.name, wrong);
    }
  }
  return {};
}

Async<std::string> check_part(const CheckedDevice& device, Backend& reference, const CheckedPart& part, Stop stop) {
  if (never_runs(device, part.graph)) co_return std::string();
  std::vector<CheckedValues> expected = inputs_of(part);
  auto program = co_await reference.load(part.graph, {}, stop);
  co_await run_all(part.graph, part, std::move(program), expected, stop);
  const auto got = co_await as_result(run_on(device, reference, part, stop));
  if (!got) {
    const ErrorCode code = got.error().code;
    if (code == ErrorCode::kDeviceLost || code == ErrorCode::kCancelled) co_await std::unexpected(got.error());
    co_return std::format("the {}: {}", part.name, got.error().message);
  }
  co_return difference_of(part, expected, *got, device.precision == 16 ? kTolerance16 : kTolerance32);
}

}  // namespace

Async<std::string> self_check(CheckedDevice device, Backend& reference, Stop stop) {
  const std::vector<CheckedPart> parts = co_await self_check_parts();
  for (const CheckedPart& part : parts) {
    std::string wrong = co_await check_part(device, reference, part, stop);
    if (!wrong.empty()) co_return wrong;
  }
  co_return std::string();
}

}  // namespace ipfs_accelerate
