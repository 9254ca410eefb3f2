// The CPU backend: what the processor is, and how programs come to be.
#include <string>

#include "backend/cpu/cpu.h"
#include "backend/cpu/executable.h"

namespace ipfs_accelerate::cpu {
namespace {

std::string_view architecture() {
#if defined(__x86_64__)
  return "x86_64";
#elif defined(__aarch64__)
  return "aarch64";
#elif defined(__wasm64__)
  return "wasm64";
#elif defined(__wasm32__)
  return "wasm32";
#else
  return "unknown";
#endif
}

DeviceInfo describe(const Kernels& kernels, const Processor& processor, int threads) {
  DeviceInfo info;
  info.platform = "cpu";
  info.name = processor.name;
  info.vendor = processor.vendor;
  info.architecture = architecture();
  if (info.name.empty()) info.name = info.architecture;
  info.is_real_hardware = true;
  info.features.emplace_back(kernels.simd);
  if (threads > 1) info.features.emplace_back("threads");
  info.limits.emplace_back("simdFloats", static_cast<std::int64_t>(kernels.lanes));
  info.threads = threads;
  return info;
}

class CpuBackend final : public Backend {
 public:
  CpuBackend(const Kernels& kernels, Compute& compute, int threads)
      : kernels_(kernels),
        compute_(compute),
        pool_(compute.pool(threads)),
        device_(describe(kernels, compute.processor(), pool_->threads())) {}

  const DeviceInfo& device() const override { return device_; }

  // Every op of the graph is implemented; precision 16 is accepted and computed in f32, which the program reports.
  std::string declines(const Graph&, const Node&, const LoadOptions& options) const override {
    if (options.precision == 32 || options.precision == 16) return "";
    return "precision " + std::to_string(options.precision) + " is not available on the CPU: use 32 or 16";
  }

  Result<Memory> predict(const Graph& graph, const ShapeClass& shape, const LoadOptions& options) const override {
    Memory memory;
    const auto forms = plan_weights(graph);
    for (const WeightId id : used_weights(graph)) {
      const PreparedSizes sizes = prepared_sizes(graph.weight(id), forms[id.index()], kernels_);
      memory.weights += static_cast<std::int64_t>((sizes.panels + sizes.rows) * sizeof(float));
    }
    for (const StateId id : used_states(graph)) {
      memory.states += static_cast<std::int64_t>(state_floats(graph, id, shape, state_dtype(options)) * sizeof(float));
    }
    IA_ASSIGN(const ExecutableSizes sizes, executable_sizes(graph, shape, kernels_, options));
    const int threads = options.threads > 0 ? compute_.pool(options.threads)->threads() : pool_->threads();
    memory.activations = static_cast<std::int64_t>(sizes.total(static_cast<std::size_t>(threads)) * sizeof(float));
    return memory;
  }

  Async<std::unique_ptr<Program>> load(Graph graph, LoadOptions options, Stop stop) override {
    co_await stop.check();
    for (const Node& node : graph.nodes) {
      if (std::string reason = declines(graph, node, options); !reason.empty()) {
        co_await fail(ErrorCode::kUnsupportedPrecision, "{}", reason);
      }
    }
    std::shared_ptr<Pool> pool = options.threads > 0 ? compute_.pool(options.threads) : pool_;
    co_return make_program(std::move(graph), options, kernels_, compute_, std::move(pool));
  }

 private:
  const Kernels& kernels_;
  Compute& compute_;
  std::shared_ptr<Pool> pool_;
  DeviceInfo device_;
};

}  // namespace

std::unique_ptr<Backend> make_backend_with(const Kernels& kernels, Compute& compute, int threads) {
  return std::make_unique<CpuBackend>(kernels, compute, threads);
}

std::unique_ptr<Backend> make_backend(Compute& compute, int threads) {
  return make_backend_with(best_kernels(), compute, threads);
}

}  // namespace ipfs_accelerate::cpu
