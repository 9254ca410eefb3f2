// The probe: a chain of matrix products, about 2 ms on one core.
#include "backend/webnn/probe.h"

#include <algorithm>
#include <limits>

#include "backend/webnn/lowering.h"

namespace ipfs_accelerate::webnn {
namespace {

constexpr int kRounds = 5, kProducts = 6;
constexpr std::int64_t kRows = 64, kWidth = 512;

Result<std::string> lowered_probe(std::string_view limits_json) {
  GraphBuilder builder;
  const Dim batch = builder.symbol(batch_symbol()), sequence = builder.symbol(sequence_symbol());
  ValueId x = builder.input("x", Dtype::kF32, {batch, sequence, dim(kWidth)});
  const WeightId weight = builder.weight("w", {kWidth, kWidth});
  for (int i = 0; i < kProducts; ++i) {
    x = builder.add("product." + std::to_string(i), op::Linear{.x = x, .weight = weight});
  }
  builder.output(x, "y");
  IA_ASSIGN(const Graph graph, builder.finish());
  return lower(graph, {{kSequence, kRows}}, limits_json, {});
}

/// What the probe holds on to until it ends.
struct Probe {
  Webnn& port;
  std::optional<ConstantId> weight;
  std::vector<GraphId> graphs;
  Bytes input;
  std::vector<Bytes> outputs;

  explicit Probe(Webnn& port) : port(port) {}
  ~Probe() {
    for (const GraphId graph : graphs) port.drop_graph(graph);
    if (weight) port.drop_constant(*weight);
  }
  Async<> run(std::size_t which) {
    std::vector<ByteView> in{ByteView(input)};
    std::vector<std::span<std::uint8_t>> out{std::span<std::uint8_t>(outputs[which])};
    co_await port.dispatch(graphs[which], std::move(in), std::move(out));
  }
  /// The first `count` at once.
  Async<> run_together(std::size_t count) {
    return for_each_limited(count, count, [this](std::size_t i) { return run(i); });
  }
};

Bytes filled(std::int64_t count, float value) {
  Tensor tensor = Tensor::f32({count});
  std::ranges::fill(tensor.f32s(), value);
  return std::move(tensor.bytes);
}

Async<double> fastest(Probe& probe, std::size_t count, const std::function<double()>& now) {
  double best = std::numeric_limits<double>::infinity();
  for (int round = 0; round < kRounds; ++round) {
    const double begin = now();
    co_await probe.run_together(count);
    best = std::min(best, now() - begin);
  }
  co_return best;
}

}  // namespace

Async<double> gain_of(Webnn& port, std::vector<ContextId> contexts, std::string limits_json,
                      std::function<double()> now) {
  const std::string lowered = co_await lowered_probe(limits_json);
  Probe probe(port);
  const Bytes weight = filled(kWidth * kWidth, 1.0f / kWidth);
  probe.weight = co_await port.constant(weight);
  probe.input = filled(kRows * kWidth, 1.0f);
  for (const ContextId context : contexts) {
    probe.graphs.push_back(co_await port.build(context, lowered, {*probe.weight}, Stop()));
    probe.outputs.emplace_back(std::size_t(kRows * kWidth * 4));
  }
  co_await probe.run_together(contexts.size());  // warm
  const double alone = co_await fastest(probe, 1, now);
  const double together = co_await fastest(probe, contexts.size(), now);
  co_return together > 0 ? double(contexts.size()) * alone / together : 0.0;
}

}  // namespace ipfs_accelerate::webnn
