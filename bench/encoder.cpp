// Encoder on the CPU against onnxruntime: same weights, same ids, same threads, taking turns in one process.
// Usage: bench_encoder FOLDER [THREADS]   FOLDER is made by make_minilm.py. Prints one JSON row per shape.
#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <thread>

#include "backend/cpu/cpu.h"
#include "bench/fma_peak.h"
#include "host/native/compute.h"
#include "model/model.h"
#include "weights/weights.h"

using namespace ipfs_accelerate;

namespace {

constexpr int kTurns = 4;
constexpr std::int64_t kHidden = 384, kLayers = 6, kFfn = 1536, kVocabulary = 30522;

template <class T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "bench_encoder: %s\n", result.error().message.c_str());
    std::exit(1);
  }
  return *std::move(result);
}
void must(Result<> result) {
  if (!result) must(Result<int>(std::unexpected(result.error())));
}

Bytes read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Floating-point operations of the matrix products, which are nearly all of the work.
double operations(std::int64_t batch, std::int64_t sequence) {
  const double tokens = static_cast<double>(batch * sequence);
  return kLayers * (2 * tokens * (4.0 * kHidden * kHidden + 2.0 * kHidden * kFfn) + 4 * tokens * sequence * kHidden);
}

host::Loop& loop() {
  static host::Loop kept;
  return kept;
}

struct Ours {
  std::unique_ptr<host::NativeCompute> compute;
  std::unique_ptr<Backend> backend;
  BuiltModel model;
  std::unique_ptr<Program> program;
};

Ours load_ours(const std::string& folder, int threads) {
  const Bytes weights = read_file(folder + "/model.safetensors"), config = read_file(folder + "/config.json");
  WeightIndex index;
  must(index.add_safetensors(weights, weights.size(), 0));
  auto compute = std::make_unique<host::NativeCompute>(loop(), threads);
  auto backend = cpu::make_backend(*compute, threads);
  Ours ours{std::move(compute), std::move(backend), must(build_model(as_text(config), index.table(), {})), nullptr};
  LoadOptions options;
  options.threads = threads;
  ours.program = must(loop().block_on(ours.backend->load(ours.model.graph(), options, Stop())));
  for (std::size_t id = 0; id < ours.model.graph().weights.size(); ++id) {
    std::vector<WeightPart> parts;
    for (const std::string& name : ours.model.graph().weights[id].parts) {
      const TensorLocation& at = index.tensors().at(name);
      parts.push_back({at.info.dtype, at.info.shape, ByteView(weights).subspan(at.begin, at.end - at.begin)});
    }
    must(loop().block_on(ours.program->upload(id_of<WeightId>(id), parts, Stop())));
  }
  return ours;
}

Ort::Session load_peer(Ort::Env& env, const std::string& path, int threads) {
  Ort::SessionOptions options;
  options.SetIntraOpNumThreads(threads);
  options.SetInterOpNumThreads(1);
  options.SetGraphOptimizationLevel(GraphOptimizationLevel::ORT_ENABLE_ALL);
  return Ort::Session(env, path.c_str(), options);
}

// Seconds of one call.
template <class F>
double seconds(F&& call) {
  const auto start = std::chrono::steady_clock::now();
  call();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

struct Ids {
  std::vector<std::int32_t> narrow, ones, zeros, positions;
  std::vector<std::int64_t> wide, wide_ones, wide_zeros;
};

Ids make_ids(std::int64_t batch, std::int64_t sequence) {
  std::mt19937 random(3);
  const std::size_t count = batch * sequence;
  Ids ids{std::vector<std::int32_t>(count),
          std::vector<std::int32_t>(count, 1),
          std::vector<std::int32_t>(count, 0),
          std::vector<std::int32_t>(count),
          {},
          std::vector<std::int64_t>(count, 1),
          std::vector<std::int64_t>(count, 0)};
  for (std::size_t i = 0; i < count; ++i) {
    ids.narrow[i] = static_cast<std::int32_t>(random() % kVocabulary);
    ids.positions[i] = static_cast<std::int32_t>(i % sequence);
  }
  ids.wide.assign(ids.narrow.begin(), ids.narrow.end());
  return ids;
}

ByteView view(const std::vector<std::int32_t>& values) {
  return {reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * 4};
}

void compare(Ours& ours, std::vector<std::pair<std::string, Ort::Session*>> peers, std::int64_t batch,
             std::int64_t sequence, int threads, double peak) {
  const Ids ids = make_ids(batch, sequence);
  const Shape dims{batch, sequence};
  auto executable = must(loop().block_on(ours.program->compile({{kBatch, batch}, {kSequence, sequence}}, Stop())));
  std::vector<TensorRef> inputs;
  for (ValueId id : ours.model.graph().inputs) {
    const std::string& name = ours.model.graph().value(id).name;
    const auto& values = name == "input_ids"        ? ids.narrow
                         : name == "position_ids"   ? ids.positions
                         : name == "token_type_ids" ? ids.zeros
                                                    : ids.ones;
    inputs.push_back({Dtype::kI32, view(values)});
  }
  std::vector<float> result(batch * sequence * kHidden);
  const MutableTensorRef output{Dtype::kF32, {reinterpret_cast<std::uint8_t*>(result.data()), result.size() * 4}};
  auto run_ours = [&] { must(loop().block_on(executable->run(inputs, {output}, Stop()))); };

  auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  auto tensor = [&](const std::vector<std::int64_t>& values) {
    return Ort::Value::CreateTensor<std::int64_t>(memory, const_cast<std::int64_t*>(values.data()), values.size(),
                                                  dims.data(), dims.size());
  };
  const char* names[] = {"input_ids", "attention_mask", "token_type_ids"};
  const char* outputs[] = {"last_hidden_state"};
  std::array<Ort::Value, 3> peer_inputs{tensor(ids.wide), tensor(ids.wide_ones), tensor(ids.wide_zeros)};
  std::vector<Ort::Value> peer_result;
  auto run_peer = [&](Ort::Session& session) {
    peer_result = session.Run(Ort::RunOptions{nullptr}, names, peer_inputs.data(), 3, outputs, 1);
  };

  const double first = std::max(seconds(run_ours), 1e-5);
  const int runs_per_turn = static_cast<int>(std::clamp(0.3 / first, 1.0, 20.0));
  std::vector<double> our_times;
  std::vector<std::vector<double>> peer_times(peers.size());
  double worst = 0;
  for (std::size_t p = 0; p < peers.size(); ++p) {
    run_peer(*peers[p].second);
    const float* theirs = peer_result[0].GetTensorData<float>();
    for (std::size_t i = 0; i < result.size(); ++i)
      worst = std::max(worst, static_cast<double>(std::abs(theirs[i] - result[i])));
  }
  // In turns of a few runs each: a nap lets the other side's threads stop spinning, one run warms the caches again.
  const auto turn = [&](std::vector<double>& times, const auto& call) {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    call();
    for (int run = 0; run < runs_per_turn; ++run) times.push_back(seconds(call));
  };
  for (int round = 0; round < kTurns; ++round) {
    turn(our_times, run_ours);
    for (std::size_t p = 0; p < peers.size(); ++p) turn(peer_times[p], [&] { run_peer(*peers[p].second); });
  }
  const double mine = median(our_times);
  std::size_t best = 0;
  for (std::size_t p = 1; p < peers.size(); ++p) {
    if (median(peer_times[p]) < median(peer_times[best])) best = p;
  }
  const double theirs = median(peer_times[best]);
  std::printf(
      "{\"name\":\"encoder cpu f32 %lldx%lld, %d "
      "threads\",\"ours\":%.4f,\"peer\":%.4f,\"unit\":\"ms\",\"peer_name\":\"onnxruntime %s (%s)\","
      "\"ratio\":%.3f,\"share_of_floor\":%.3f,\"floor\":\"FMA peak %.0f GFLOP/s\",\"worst_difference\":%.2g}\n",
      static_cast<long long>(batch), static_cast<long long>(sequence), threads, mine * 1e3, theirs * 1e3,
      OrtGetApiBase()->GetVersionString(), peers[best].first.c_str(), theirs / mine,
      operations(batch, sequence) / mine / peak, peak / 1e9, worst);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: bench_encoder FOLDER [THREADS]\n");
    return 2;
  }
  const std::string folder = argv[1];
  const int threads = argc > 2 ? std::atoi(argv[2]) : static_cast<int>(std::thread::hardware_concurrency());
  const double peak = ipfs_accelerate::bench::fma_peak(threads);  // first: the peers' threads spin when they are idle
  Ort::Env env(ORT_LOGGING_LEVEL_ERROR, "bench");
  Ort::Session standard = load_peer(env, folder + "/model.onnx", threads),
               fused = load_peer(env, folder + "/fused.onnx", threads);
  Ours ours = load_ours(folder, threads);
  for (std::int64_t sequence : {16, 128, 512}) {
    for (std::int64_t batch : {1, 8}) {
      compare(ours, {{"standard graph", &standard}, {"fused graph", &fused}}, batch, sequence, threads, peak);
    }
  }
}
