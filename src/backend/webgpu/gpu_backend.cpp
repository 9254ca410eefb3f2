// The WebGPU backend: opening, loading, and the search for the feature that breaks the self-check.
#include "backend/webgpu/gpu_backend.h"

#include "backend/self_check.h"
#include "backend/webgpu/gpu_program.h"

namespace ipfs_accelerate::webgpu {

Async<std::unique_ptr<GpuBackend>> GpuBackend::open_unchecked(Gpu& gpu, Compute* compute, Stop stop) {
  OpenedGpu opened = co_await gpu.open(stop);
  opened.capabilities.device = opened.info;
  co_return std::make_unique<GpuBackend>(gpu, compute, std::move(opened));
}

std::string GpuBackend::declines(const Graph& graph, const Node& node, const LoadOptions& options) const {
  return webgpu::declines(graph, node, capabilities_, options);
}

Result<Memory> GpuBackend::predict(const Graph& graph, const ShapeClass& shape, const LoadOptions& options) const {
  IA_ASSIGN(const Recording recording, record(graph, shape, capabilities_, options));
  Memory memory{.activations = recording.activation_bytes};
  for (const BufferSpec& buffer : recording.buffers) {
    if (buffer.kind == BufferKind::kWeight) memory.weights += buffer.bytes;
    if (buffer.kind == BufferKind::kState) memory.states += buffer.bytes;
  }
  return memory;
}

Async<std::unique_ptr<Program>> GpuBackend::load(Graph graph, LoadOptions options, Stop stop) {
  co_await stop.check();
  if (options.precision == 16 && unchecked_f16_ != nullptr) {
    co_await checking_.join([this](Stop all) { return check_f16_once(all); }, stop);
  }
  co_return GpuProgram::make(gpu_, compute_, std::move(graph), options, capabilities_);
}

Async<std::string> GpuBackend::complaint(Capabilities capabilities, int precision, Backend& reference, Stop stop) {
  const LoadOptions options{.precision = precision};
  CheckedDevice device;
  device.precision = precision;
  device.declines = [&](const Graph& graph, const Node& node) {
    return webgpu::declines(graph, node, capabilities, options);
  };
  device.load = [&](Graph graph, Stop) -> Async<std::unique_ptr<Program>> {
    co_return GpuProgram::make(gpu_, compute_, std::move(graph), options, capabilities);
  };
  co_return co_await self_check(std::move(device), reference, stop);
}

template <class Feature>
void GpuBackend::switch_off(Feature& feature, const char* name, const std::string& why) {
  if (!feature) return;
  feature = {};
  info_.switched_off.push_back(std::string(name) + ": " + why);
}

Async<> GpuBackend::check(Backend& reference, int precision, Stop stop) {
  if (precision == 16) {
    co_await check_f16(reference, stop);
  } else {
    co_await check_f32(reference, stop);
  }
}

// Everything at once first: on a sound device that is all there is to do.
Async<> GpuBackend::check_f32(Backend& reference, Stop stop) {
  const std::string why = co_await complaint(capabilities_, 32, reference, stop);
  if (why.empty()) co_return;
  Capabilities plain = capabilities_;
  plain.subgroups = plain.shader_f16 = false;
  plain.subgroup_matrix = 0;
  if (const std::string base = co_await complaint(plain, 32, reference, stop); !base.empty()) {
    co_await fail(ErrorCode::kSelfCheckFailed, "{} computes wrong numbers: {}", info_.name, base);
  }
  switch_off(capabilities_.subgroups, "subgroups", why);
  switch_off(capabilities_.subgroup_matrix, "chromium-experimental-subgroup-matrix", "it needs subgroups");
}

Async<> GpuBackend::check_f16(Backend& reference, Stop stop) {
  if (!capabilities_.shader_f16) co_return;
  std::string why = co_await complaint(capabilities_, 16, reference, stop);
  if (!why.empty() && capabilities_.subgroup_matrix != 0) {
    Capabilities plain = capabilities_;
    plain.subgroup_matrix = 0;
    const std::string base = co_await complaint(plain, 16, reference, stop);
    switch_off(capabilities_.subgroup_matrix, "chromium-experimental-subgroup-matrix", why);
    why = base;
  }
  if (!why.empty()) switch_off(capabilities_.shader_f16, "shader-f16", why);
}

Async<> GpuBackend::check_f16_once(Stop stop) {
  co_await check_f16(*unchecked_f16_, stop);
  unchecked_f16_ = nullptr;
}

Async<std::unique_ptr<Backend>> make_backend(Gpu& gpu, Backend& reference, Compute* compute, Stop stop) {
  auto backend = co_await GpuBackend::open_unchecked(gpu, compute, stop);
  co_await backend->check(reference, 32, stop);
  // A software adapter compiles the f16 kernels for the better part of a minute, and few ask it for f16.
  if (backend->device().is_real_hardware) {
    co_await backend->check(reference, 16, stop);
  } else {
    backend->check_f16_at_first_use(reference);
  }
  co_return std::unique_ptr<Backend>(std::move(backend));
}

}  // namespace ipfs_accelerate::webgpu
