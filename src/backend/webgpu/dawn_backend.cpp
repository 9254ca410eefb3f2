// The WebGPU backend on Dawn: opens the best adapter, checks itself, loads programs.
#include "backend/webgpu/dawn_backend.h"

#include <utility>

#include "backend/webgpu/self_check.h"

namespace ipfs_accelerate::webgpu {

std::string DawnBackend::declines(const Graph& graph, const Node& node, const LoadOptions& options) const {
  return webgpu::declines(graph, node, device_->capabilities, options);
}

Result<std::unique_ptr<Program>> DawnBackend::load(const Graph& graph, const LoadOptions& options) {
  if (options.precision == 16 && reference_ != nullptr) {
    IA_TRY(self_check(*this, *std::exchange(reference_, nullptr), 16));
  }
  return DawnProgram::make(device_, graph, options);
}

Result<std::unique_ptr<DawnBackend>> DawnBackend::open(const DawnOptions& options) {
  IA_ASSIGN(auto device, DawnDevice::open(options));
  return std::make_unique<DawnBackend>(std::move(device));
}

Result<std::unique_ptr<Backend>> make_backend(Backend& reference) {
  IA_ASSIGN(auto backend, DawnBackend::open({}));
  IA_TRY(self_check(*backend, reference, 32));
  // A software adapter compiles the f16 kernels for the better part of a minute, and few ask it for f16.
  if (backend->device().is_real_hardware) {
    IA_TRY(self_check(*backend, reference, 16));
  } else {
    backend->check_f16_at_first_use(reference);
  }
  return backend;
}

}  // namespace ipfs_accelerate::webgpu
