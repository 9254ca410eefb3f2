// The CPU backend: what the processor is, and how programs come to be.
#include <fstream>
#include <string>

#include "backend/cpu/cpu.h"
#include "backend/cpu/program.h"

namespace ipfs_accelerate::cpu {
namespace {

// The value of a field of /proc/cpuinfo's first processor; empty where there is none.
std::string cpuinfo(const std::string& field) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(':');
    if (colon == std::string::npos || !line.starts_with(field)) continue;
    if (line.find_first_not_of(" \t", field.size()) != colon) continue;
    const auto start = line.find_first_not_of(' ', colon + 1);
    return start == std::string::npos ? "" : line.substr(start);
  }
  return "";
}

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

DeviceInfo describe(const Kernels& kernels, int threads) {
  DeviceInfo info;
  info.platform = "cpu";
  info.name = cpuinfo("model name");
  info.vendor = cpuinfo("vendor_id");
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
  CpuBackend(const Kernels& kernels, int threads)
      : kernels_(kernels), pool_(std::make_shared<ThreadPool>(threads)), device_(describe(kernels, pool_->threads())) {}

  const DeviceInfo& device() const override { return device_; }

  // Every op of the graph is implemented; precision 16 is accepted and computed in f32, which the program reports.
  std::string declines(const Graph&, const Node&, const LoadOptions& options) const override {
    if (options.precision == 32 || options.precision == 16) return "";
    return "precision " + std::to_string(options.precision) + " is not available on the CPU: use 32 or 16";
  }

  Result<std::unique_ptr<Program>> load(const Graph& graph, const LoadOptions& options) override {
    for (const Node& node : graph.nodes) {
      if (std::string reason = declines(graph, node, options); !reason.empty()) {
        return fail(ErrorCode::kUnsupportedPrecision, "{}", reason);
      }
    }
    const bool shared = options.threads <= 0 || options.threads == pool_->threads();
    auto pool = shared ? pool_ : std::make_shared<ThreadPool>(options.threads);
    return make_program(graph, options, kernels_, std::move(pool));
  }

 private:
  const Kernels& kernels_;
  std::shared_ptr<ThreadPool> pool_;
  DeviceInfo device_;
};

}  // namespace

std::unique_ptr<Backend> make_backend_with(const Kernels& kernels, int threads) {
  return std::make_unique<CpuBackend>(kernels, threads);
}

std::unique_ptr<Backend> make_backend(int threads) { return make_backend_with(best_kernels(), threads); }

}  // namespace ipfs_accelerate::cpu
