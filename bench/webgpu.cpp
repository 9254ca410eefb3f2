// Encoder on WebGPU: MiniLM's shape (6 layers, 384, 12 heads, FFN 1536) with random weights, pooled and normalised,
// result read back. Usage: bench_webgpu [--shapes 1x128,8x128] [--precision 16,32] [--runs N] [--profile] [--sweep
// TILES] [--check N] [--tune name=value]
//                     [--toggle NAME] [--off FEATURE] [--submissions N] [--poll MS]
// Prints one JSON row per measurement. --check N compares the numbers with the CPU backend where batch <= N.
// --profile adds the time of every kernel; --sweep times every linear with each of kMatrixTiles' first TILES entries.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <random>

#include "backend/cpu/cpu.h"
#include "backend/webgpu/gpu_backend.h"
#include "backend/webgpu/gpu_program.h"
#include "graph/test_symbols.h"
#include "host/native/compute.h"
#include "host/native/dawn_gpu.h"

using namespace ipfs_accelerate;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::int64_t kHidden = 384, kLayers = 6, kHeads = 12, kFfn = 1536, kVocabulary = 30522;
// Seen on one H200 through Dawn: see RESULTS.md.
constexpr double kF16Rate = 790e12, kF32Rate = 60e12, kDispatchSeconds = 1.9e-6, kRoundTripSeconds = 36e-6;

template <class T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "bench_webgpu: %s\n", result.error().message.c_str());
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

// Never destroyed: at exit the GPU driver may be gone before it.
host::Loop& loop() {
  static host::Loop& kept = *new host::Loop;
  return kept;
}
template <class T>
T must(Async<T> work) {
  return must(loop().block_on(std::move(work)));
}

Graph minilm() {
  TestBuilder b;
  const ValueId ids = b.input("input_ids", Dtype::kI32, {kBatchDim, kSequenceDim});
  const ValueId positions = b.input("position_ids", Dtype::kI32, {kBatchDim, kSequenceDim});
  const ValueId mask = b.input("attention_mask", Dtype::kI32, {kBatchDim, kSequenceDim});
  const auto vector = [&](std::string name, std::int64_t size) { return b.weight(name, {size}); };
  const auto linear = [&](const std::string& name, ValueId x, std::int64_t k, std::int64_t n, Activation activation,
                          ValueId residual) {
    return b.add(name, op::Linear{.x = x,
                                  .residual = residual,
                                  .weight = b.weight(name, {n, k}),
                                  .bias = vector(name + ".bias", n),
                                  .activation = activation});
  };
  const auto norm = [&](const std::string& name, ValueId x) {
    return b.add(name, op::LayerNorm{
                           .x = x, .gamma = vector(name + ".gamma", kHidden), .beta = vector(name + ".beta", kHidden)});
  };
  ValueId x = b.add("embed", op::Embed{.ids = ids,
                                       .position_ids = positions,
                                       .word = b.weight("word", {kVocabulary, kHidden}),
                                       .position = b.weight("position", {512, kHidden}),
                                       .gamma = vector("embed.gamma", kHidden),
                                       .beta = vector("embed.beta", kHidden)});
  for (int layer = 0; layer < kLayers; ++layer) {
    const std::string at = "layer." + std::to_string(layer) + ".";
    const ValueId qkv = linear(at + "qkv", x, kHidden, 3 * kHidden, Activation::kNone, kNoValue);
    const ValueId mixed = b.add(at + "attention", masked_attention(qkv, mask, kHeads, kHidden / kHeads));
    x = norm(at + "norm1", linear(at + "out", mixed, kHidden, kHidden, Activation::kNone, x));
    const ValueId up = linear(at + "up", x, kHidden, kFfn, Activation::kGelu, kNoValue);
    x = norm(at + "norm2", linear(at + "down", up, kFfn, kHidden, Activation::kNone, x));
  }
  x = b.add("pool", op::Pool{.x = x, .mask = mask});
  b.output(b.add("normalize", op::Normalize{.x = x}), "embedding");
  return must(b.finish());
}

double operations(const ShapeClass& s) {
  const double tokens = double(s.at(kBatch) * s.at(kSequence));
  return kLayers * (2 * tokens * (4.0 * kHidden * kHidden + 2.0 * kHidden * kFfn) +
                    4 * tokens * double(s.at(kSequence)) * kHidden);
}

std::unique_ptr<Program> load(Backend& backend, const Graph& graph, int precision) {
  auto program = must(backend.load(graph, {.precision = precision}, Stop()));
  std::mt19937 random(7);
  for (std::size_t id = 0; id < graph.weights.size(); ++id) {
    const Shape& shape = graph.weights[id].shape;
    const bool gain = graph.weights[id].name.ends_with("gamma");
    std::normal_distribution<float> normal(gain ? 1.0f : 0.0f,
                                           shape.size() == 1 ? 0.1f : 1.0f / std::sqrt(float(shape[1])));
    std::vector<float> values(std::size_t(must(element_count(shape))));
    for (float& v : values) v = normal(random);
    const WeightPart part{
        Dtype::kF32, shape, {reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * 4}};
    must(program->upload({std::int32_t(id)}, {part}, Stop()));
  }
  return program;
}

struct Data {
  std::vector<std::int32_t> ids, positions, mask;
  std::vector<TensorRef> refs;
  std::vector<float> out;
  MutableTensorRef output;

  explicit Data(const ShapeClass& s) {
    std::mt19937 random(11);
    for (std::int64_t i = 0; i < s.at(kBatch) * s.at(kSequence); ++i) {
      ids.push_back(std::int32_t(random() % kVocabulary));
      positions.push_back(std::int32_t(i % s.at(kSequence)));
      mask.push_back(i % s.at(kSequence) < s.at(kSequence) - (i / s.at(kSequence)) % 5 ? 1 : 0);
    }
    for (const auto* v : {&ids, &positions, &mask}) {
      refs.push_back({Dtype::kI32, {reinterpret_cast<const std::uint8_t*>(v->data()), v->size() * 4}});
    }
    out.assign(std::size_t(s.at(kBatch) * kHidden), std::nanf(""));
    output = {Dtype::kF32, {reinterpret_cast<std::uint8_t*>(out.data()), out.size() * 4}};
  }
  void run(Executable& executable) {
    std::ranges::fill(out, std::nanf(""));
    must(executable.run(refs, {output}, Stop()));
  }
};

struct Options {
  std::vector<ShapeClass> shapes{usual_shape(1, 128)};
  std::vector<int> precisions{32, 16};
  int runs = 100, sweep = 0, check = 0;
  bool profile = false;
  host::DawnOptions dawn;
};

/// "layer.3.up (linear_matrix)" -> "up (linear_matrix)"
std::string kind_of(const std::string& label) {
  if (!label.starts_with("layer.")) return label;
  return label.substr(label.find('.', 6) + 1);
}

/// Time of each kind of kernel in one run: the smallest of several profiles, summed over the layers.
std::map<std::string, double> kernel_times(host::DawnGpu& gpu, Executable& executable) {
  std::vector<std::pair<std::string, double>> best;
  for (int i = 0; i < 8; ++i) {
    const auto times = must(gpu.profile(dynamic_cast<webgpu::GpuExecutable&>(executable).plan()));
    if (best.empty()) best = times;
    for (std::size_t k = 0; k < best.size(); ++k) best[k].second = std::min(best[k].second, times[k].second);
  }
  std::map<std::string, double> kinds;
  for (const auto& [label, time] : best) kinds[kind_of(label)] += time;
  return kinds;
}

void sweep(const Options& options, const Graph& graph) {
  for (const ShapeClass& shape : options.shapes) {
    for (int tile = 0; tile < options.sweep; ++tile) {
      host::DawnOptions dawn = options.dawn;
      dawn.timestamps = true;
      dawn.tuning["linear"] = tile;
      // Never destroyed: at exit the GPU driver may be gone before them.
      static auto& gpus = *new std::map<int, std::unique_ptr<host::DawnGpu>>;
      static auto& backends = *new std::map<int, std::unique_ptr<webgpu::GpuBackend>>;
      static auto& programs = *new std::map<int, std::unique_ptr<Program>>;
      if (!backends[tile]) {
        gpus[tile] = std::make_unique<host::DawnGpu>(loop(), dawn);
        backends[tile] = must(webgpu::GpuBackend::open_unchecked(*gpus[tile]));
        programs[tile] = load(*backends[tile], graph, 16);
      }
      auto executable = must(programs[tile]->compile(shape, Stop()));
      Data data(shape);
      data.run(*executable);
      std::string row;
      for (const auto& [kind, time] : kernel_times(*gpus[tile], *executable)) {
        if (kind.find("linear") != std::string::npos)
          row += std::format(",\"{}\":{:.1f}", kind.substr(0, kind.find(' ')), time);
      }
      std::printf("{\"sweep\":\"%ldx%ld\",\"tile\":%d%s}\n", long(shape.at(kBatch)), long(shape.at(kSequence)), tile,
                  row.c_str());
      std::fflush(stdout);
    }
  }
}

void compare(const Graph& graph, const ShapeClass& shape, const Data& got, int precision) {
  static host::NativeCompute& compute = *new host::NativeCompute(loop());
  static const auto cpu = cpu::make_backend(compute);
  static const auto program = load(*cpu, graph, 32);
  static std::map<ShapeClass, std::vector<float>> known;
  std::vector<float>& expected = known[shape];
  if (expected.empty()) {
    auto executable = must(program->compile(shape, Stop()));
    Data data(shape);
    data.run(*executable);
    expected = data.out;
  }
  double worst = 0, least_cosine = 1;
  for (std::int64_t row = 0; row < shape.at(kBatch); ++row) {
    double dot = 0, a = 0, b = 0;
    for (std::int64_t i = 0; i < kHidden; ++i) {
      const double x = expected[std::size_t(row * kHidden + i)], y = got.out[std::size_t(row * kHidden + i)];
      const double difference = std::abs(x - y);
      worst = difference <= worst ? worst : difference;
      dot += x * y, a += x * x, b += y * y;
    }
    const double cosine = dot / std::sqrt(a * b);
    least_cosine = cosine >= least_cosine ? least_cosine : cosine;
  }
  std::printf("{\"check\":\"%ldx%ld\",\"precision\":%d,\"max_error\":%.3g,\"cosine\":%.7f}\n", long(shape.at(kBatch)),
              long(shape.at(kSequence)), precision, worst, least_cosine);
  if (!(worst < (precision == 16 ? 5e-3 : 1e-4))) {
    std::fprintf(stderr, "bench_webgpu: wrong numbers\n");
    std::exit(1);
  }
}

void measure(const Options& options, const Graph& graph) {
  auto& gpu = *new host::DawnGpu(loop(), options.dawn);
  auto backend = must(webgpu::GpuBackend::open_unchecked(gpu));
  std::printf("{\"device\":\"%s\",\"driver\":\"%s\",\"real\":%s}\n", backend->device().name.c_str(),
              backend->device().driver.c_str(), backend->device().is_real_hardware ? "true" : "false");
  for (const int precision : options.precisions) {
    auto program = load(*backend, graph, precision);
    for (const ShapeClass& shape : options.shapes) {
      const auto compile_start = Clock::now();
      auto executable = must(program->compile(shape, Stop()));
      const double compile = std::chrono::duration<double, std::milli>(Clock::now() - compile_start).count();
      Data data(shape);
      for (int i = 0; i < std::min(options.runs, 10); ++i) data.run(*executable);
      std::vector<double> times;
      for (int i = 0; i < options.runs; ++i) {
        const auto start = Clock::now();
        must(executable->run(data.refs, {data.output}, Stop()));
        times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
      }
      std::ranges::sort(times);
      const double median = times[times.size() / 2], tflops = operations(shape) / median / 1e9;
      const double floor = operations(shape) / (precision == 16 ? kF16Rate : kF32Rate) * 1e3;
      std::printf(
          "{\"name\":\"webgpu.minilm.%ldx%ld.f%d\",\"ms\":%.4f,\"min_ms\":%.4f,\"p90_ms\":%.4f,\"tflops\":%.2f,"
          "\"floor_ms\":%.4f,\"compile_ms\":%.1f}\n",
          long(shape.at(kBatch)), long(shape.at(kSequence)), precision, median, times.front(),
          times[times.size() * 9 / 10], tflops,
          floor + (kLayers * 7 + 3) * kDispatchSeconds * 1e3 + kRoundTripSeconds * 1e3, compile);
      std::fflush(stdout);
      if (shape.at(kBatch) <= options.check) compare(graph, shape, data, precision);
      if (!options.profile) continue;
      double total = 0;
      for (const auto& [kind, time] : kernel_times(gpu, *executable)) {
        std::printf("{\"kernel\":\"%s\",\"shape\":\"%ldx%ld.f%d\",\"us\":%.1f}\n", kind.c_str(), long(shape.at(kBatch)),
                    long(shape.at(kSequence)), precision, time);
        total += time;
      }
      std::printf("{\"kernels\":\"all\",\"shape\":\"%ldx%ld.f%d\",\"us\":%.1f}\n", long(shape.at(kBatch)),
                  long(shape.at(kSequence)), precision, total);
      std::fflush(stdout);
    }
  }
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == ',')
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    const auto value = [&] { return std::string(++i < argc ? argv[i] : ""); };
    if (flag == "--shapes") {
      options.shapes.clear();
      for (const std::string& part : split(value())) {
        options.shapes.push_back(
            usual_shape(std::atoll(part.c_str()), std::atoll(part.substr(part.find('x') + 1).c_str())));
      }
    } else if (flag == "--precision") {
      options.precisions.clear();
      for (const std::string& part : split(value())) options.precisions.push_back(std::atoi(part.c_str()));
    } else if (flag == "--runs") {
      options.runs = std::max(std::atoi(value().c_str()), 1);
    } else if (flag == "--check") {
      options.check = std::atoi(value().c_str());
    } else if (flag == "--sweep") {
      options.sweep = std::atoi(value().c_str());
    } else if (flag == "--profile") {
      options.profile = options.dawn.timestamps = true;
    } else if (flag == "--tune") {
      for (const std::string& part : split(value())) {
        options.dawn.tuning[part.substr(0, part.find('='))] = std::atoll(part.substr(part.find('=') + 1).c_str());
      }
    } else if (flag == "--toggle") {
      options.dawn.toggles.push_back(value());
    } else if (flag == "--off") {
      options.dawn.switched_off.push_back(value());
    } else if (flag == "--submissions") {
      options.dawn.submissions = std::atoi(value().c_str());
    } else if (flag == "--poll") {
      options.dawn.poll_ms = std::atoi(value().c_str());
    } else {
      std::fprintf(stderr, "bench_webgpu: unknown option %s\n", flag.c_str());
      std::exit(2);
    }
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  const Graph graph = minilm();
  if (options.sweep > 0)
    sweep(options, graph);
  else
    measure(options, graph);
}
