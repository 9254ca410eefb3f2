// The WebGPU backend on Dawn: opens the best adapter, checks itself, loads programs.
#include "backend/webgpu/dawn_backend.h"

#include "backend/webgpu/self_check.h"

namespace ipfs_accelerate::webgpu {

std::string DawnBackend::declines(const Graph& graph, const Node& node, const LoadOptions& options) const {
  return webgpu::declines(graph, node, device_->capabilities, options);
}

Result<std::unique_ptr<Program>> DawnBackend::load(const Graph& graph, const LoadOptions& options) {
  return DawnProgram::make(device_, graph, options);
}

Result<std::unique_ptr<DawnBackend>> DawnBackend::open(const DawnOptions& options) {
  IA_ASSIGN(auto device, DawnDevice::open(options));
  return std::make_unique<DawnBackend>(std::move(device));
}

Result<std::unique_ptr<Backend>> make_backend(Backend& reference) {
  IA_ASSIGN(auto backend, DawnBackend::open({}));
  IA_TRY(self_check(*backend, reference));
  return backend;
}

}  // namespace ipfs_accelerate::webgpu
