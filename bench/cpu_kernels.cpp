// CPU kernels alone: GFLOP/s and share of the multiply-add peak of this machine, per shape, best of several runs.
// Usage: bench_cpu_kernels [THREADS] [PART]   PART: gemm, encoder, steps.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "backend/cpu/cpu.h"
#include "backend/cpu/kernels.h"
#include "graph/test_symbols.h"
#include "host/native/compute.h"

using namespace ipfs_accelerate;

namespace {

bool alone = false;  // one thread: its processor time is what counts, however busy the machine is

double seconds_of(const std::function<void()>& call) {
  if (alone) {
    const std::clock_t start = std::clock();
    call();
    return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  }
  const auto start = std::chrono::steady_clock::now();
  call();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Best seconds of a call: the cores may be shared, so the least disturbed run counts.
double best_seconds(const std::function<void()>& call, double budget = 0.4) {
  double best = 1e9, spent = 0;
  for (int runs = 0; runs < 3 || spent < budget; ++runs) {
    const double seconds = seconds_of(call);
    best = std::min(best, seconds);
    spent += seconds;
  }
  return best;
}

double measure_peak(Pool& pool) {
  const cpu::Kernels& kernels = cpu::best_kernels();
  const int threads = pool.threads();
  std::vector<float> sinks(static_cast<std::size_t>(threads) * 64, 0.5f);
  constexpr std::size_t kSteps = 200000;
  double flops = 0;
  const double seconds = best_seconds([&] {
    std::vector<std::size_t> done(static_cast<std::size_t>(threads));
    pool.run(threads, [&](std::int64_t i, int) {
      done[static_cast<std::size_t>(i)] = kernels.burn(kSteps, &sinks[static_cast<std::size_t>(i) * 64]);
    });
    flops = 2.0 * static_cast<double>(done[0]) * static_cast<double>(kernels.lanes) * threads;
  });
  return flops / seconds;
}

std::vector<float> random_floats(std::size_t count, float deviation) {
  static std::mt19937 random(1);
  std::vector<float> values(count);
  std::normal_distribution<float> normal(0, deviation);
  for (float& value : values) value = normal(random);
  return values;
}

host::Loop& loop() {
  static host::Loop kept;
  return kept;
}

template <class T>
T must(Result<T> result) {
  if (!result) {
    std::printf("%s\n", result.error().message.c_str());
    std::abort();
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

// A program whose weights are random, and an executable of it.
struct Loaded {
  std::unique_ptr<Program> program;
  std::unique_ptr<Executable> executable;
  std::vector<std::vector<float>> buffers;
  std::vector<TensorRef> inputs;
  std::vector<MutableTensorRef> outputs;
  void run() { must(loop().block_on(executable->run(inputs, outputs, Stop()))); }
};

Loaded load(Backend& backend, const Graph& graph, const ShapeClass& shape) {
  Loaded loaded;
  loaded.program = must(loop().block_on(backend.load(graph, {}, Stop())));
  for (WeightId id : used_weights(graph)) {
    const Shape& dims = graph.weight(id).shape;
    const auto count = static_cast<std::size_t>(must(element_count(dims)));
    const auto values = random_floats(count, dims.size() == 2 ? 1.0f / std::sqrt(static_cast<float>(dims[1])) : 0.1f);
    const WeightPart part{Dtype::kF32, dims, {reinterpret_cast<const std::uint8_t*>(values.data()), count * 4}};
    must(loop().block_on(loaded.program->upload(id, {part}, Stop())));
  }
  loaded.executable = must(loop().block_on(loaded.program->compile(shape, Stop())));
  const auto place = [&](ValueId id) -> std::vector<float>& {
    const auto count = static_cast<std::size_t>(must(element_count(graph.shape_of(id, shape))));
    auto values = random_floats(count, 1.0f);
    if (graph.value(id).dtype == Dtype::kI32) {  // ones: attended everywhere, and a valid row of any table
      std::fill_n(reinterpret_cast<std::int32_t*>(values.data()), count, 1);
    }
    loaded.buffers.push_back(std::move(values));
    return loaded.buffers.back();
  };
  for (ValueId id : graph.inputs) {
    auto& buffer = place(id);
    loaded.inputs.push_back(
        {graph.value(id).dtype, {reinterpret_cast<const std::uint8_t*>(buffer.data()), buffer.size() * 4}});
  }
  for (ValueId id : graph.outputs) {
    auto& buffer = place(id);
    loaded.outputs.push_back({Dtype::kF32, {reinterpret_cast<std::uint8_t*>(buffer.data()), buffer.size() * 4}});
  }
  return loaded;
}

const std::vector<Dim> kTokens{kBatchDim, kSequenceDim};
std::vector<Dim> tokens_of(std::int64_t width) { return {kBatchDim, kSequenceDim, dim(width)}; }

void row(const std::string& name, double flops, double seconds, double peak) {
  std::printf("%-34s %9.3f ms %8.1f GFLOP/s %5.1f %% of peak\n", name.c_str(), seconds * 1e3, flops / seconds / 1e9,
              100 * flops / seconds / peak);
  std::fflush(stdout);
}

Graph linear_graph(std::int64_t depth, std::int64_t columns, Activation activation, bool residual) {
  TestBuilder b;
  op::Linear linear{.x = b.input("x", Dtype::kF32, tokens_of(depth)), .weight = b.weight("w", {columns, depth})};
  linear.bias = b.weight("b", {columns});
  linear.activation = activation;
  if (residual) linear.residual = b.input("r", Dtype::kF32, tokens_of(columns));
  b.output(b.add("y", linear), "out");
  return must(b.finish());
}

void bench_gemm(Backend& backend, double peak) {
  for (const std::int64_t rows : {1, 4, 16, 128, 512, 4096}) {
    for (const auto& [depth, columns] : {std::pair{384, 1152}, {384, 384}, {384, 1536}, {1536, 384}}) {
      Loaded linear = load(backend, linear_graph(depth, columns, Activation::kNone, false), {1, rows, 1});
      row(std::to_string(rows) + " x " + std::to_string(depth) + " -> " + std::to_string(columns),
          2.0 * static_cast<double>(rows * depth * columns), best_seconds([&] { linear.run(); }, 0.15), peak);
    }
  }
}

Graph encoder(int layers) {
  constexpr std::int64_t kHidden = 384, kFfn = 1536;
  TestBuilder b;
  const ValueId ids = b.input("ids", Dtype::kI32, kTokens), mask = b.input("mask", Dtype::kI32, kTokens);
  const auto norm = [&](const std::string& name, ValueId x, ValueId residual) {
    return b.add(name, op::LayerNorm{.x = x,
                                     .residual = residual,
                                     .gamma = b.weight(name + "g", {kHidden}),
                                     .beta = b.weight(name + "b", {kHidden})});
  };
  const auto linear = [&](const std::string& name, ValueId x, ValueId residual, std::int64_t columns,
                          std::int64_t depth, Activation activation) {
    return b.add(name, op::Linear{.x = x,
                                  .residual = residual,
                                  .weight = b.weight(name + "w", {columns, depth}),
                                  .bias = b.weight(name + "b", {columns}),
                                  .activation = activation});
  };
  ValueId x = b.add("embed", op::Embed{.ids = ids,
                                       .word = b.weight("word", {30522, kHidden}),
                                       .gamma = b.weight("eg", {kHidden}),
                                       .beta = b.weight("eb", {kHidden})});
  for (int layer = 0; layer < layers; ++layer) {
    const std::string at = std::to_string(layer) + ".";
    const ValueId qkv = linear(at + "qkv", x, kNoValue, 3 * kHidden, kHidden, Activation::kNone);
    const ValueId attended = b.add(at + "attention", masked_attention(qkv, mask, 12, 32));
    const ValueId middle =
        norm(at + "n1", linear(at + "o", attended, x, kHidden, kHidden, Activation::kNone), kNoValue);
    const ValueId up = linear(at + "up", middle, kNoValue, kFfn, kHidden, Activation::kGelu);
    x = norm(at + "n2", linear(at + "down", up, middle, kHidden, kFfn, Activation::kNone), kNoValue);
  }
  b.output(x, "hidden");
  return must(b.finish());
}

double encoder_flops(double batch, double sequence) {
  return 6 * (2 * batch * sequence * (4.0 * 384 * 384 + 2.0 * 384 * 1536) + 4 * batch * sequence * sequence * 384);
}

void bench_encoder(Backend& backend, double peak) {
  for (const std::int64_t batch : {1, 8}) {
    for (const std::int64_t sequence : {16, 128, 512}) {
      Loaded model = load(backend, encoder(6), {batch, sequence, 1});
      row("encoder " + std::to_string(batch) + " x " + std::to_string(sequence),
          encoder_flops(static_cast<double>(batch), static_cast<double>(sequence)),
          best_seconds([&] { model.run(); }, 1.0), peak);
    }
  }
}

// The steps of one layer, each alone.
void bench_steps(Backend& backend, double peak) {
  for (const ShapeClass& shape :
       {usual_shape(1, 16, 1), usual_shape(1, 128, 1), usual_shape(1, 512, 1), usual_shape(8, 512, 1)}) {
    const std::string at = " " + std::to_string(shape.at(kBatch)) + " x " + std::to_string(shape.at(kSequence));
    const double tokens = static_cast<double>(shape.at(kBatch) * shape.at(kSequence));
    const auto one = [&](const std::string& name, const Graph& graph, double flops) {
      Loaded step = load(backend, graph, shape);
      row(name + at, flops, best_seconds([&] { step.run(); }, 0.3), peak);
    };
    one("qkv", linear_graph(384, 1152, Activation::kNone, false), tokens * 2 * 384 * 1152);
    TestBuilder a;
    const ValueId qkv = a.input("qkv", Dtype::kF32, tokens_of(1152)), mask = a.input("mask", Dtype::kI32, kTokens);
    a.output(a.add("y", masked_attention(qkv, mask, 12, 32)), "out");
    one("attention", must(a.finish()), tokens * 4 * 384 * static_cast<double>(shape.at(kSequence)));
    one("output + residual", linear_graph(384, 384, Activation::kNone, true), tokens * 2 * 384 * 384);
    TestBuilder n;
    const ValueId x = n.input("x", Dtype::kF32, tokens_of(384));
    n.output(n.add("y", op::LayerNorm{.x = x, .gamma = n.weight("g", {384}), .beta = n.weight("b", {384})}), "out");
    one("layer norm", must(n.finish()), tokens * 384 * 8);
    one("up + gelu", linear_graph(384, 1536, Activation::kGelu, false), tokens * 2 * 384 * 1536);
    one("up alone", linear_graph(384, 1536, Activation::kNone, false), tokens * 2 * 384 * 1536);
    one("down + residual", linear_graph(1536, 384, Activation::kNone, true), tokens * 2 * 384 * 1536);
  }
}

}  // namespace

int main(int count, char** arguments) {
  const int threads = count > 1 ? std::atoi(arguments[1]) : 1;
  const std::string part = count > 2 ? arguments[2] : "";
  alone = threads == 1;
  host::NativeCompute compute(loop(), threads);
  const double peak = measure_peak(*compute.pool(threads));
  const auto backend = cpu::make_backend(compute, threads);
  std::printf("%s, %s, %d threads, peak %.1f GFLOP/s\n", backend->device().name.c_str(), cpu::best_kernels().simd,
              backend->device().threads, peak / 1e9);
  if (part.empty() || part == "gemm") bench_gemm(*backend, peak);
  if (part.empty() || part == "steps") bench_steps(*backend, peak);
  if (part.empty() || part == "encoder") bench_encoder(*backend, peak);
}
