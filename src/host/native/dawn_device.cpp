// Opening adapters and devices through Dawn, pipelines, and error reporting.
#include "host/native/dawn_device.h"

#include <dawn/native/DawnNative.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <thread>

#include "backend/quirks.h"
#include "backend/webgpu/adapter.h"

namespace ipfs_accelerate::host {
using webgpu::BindingType;
using webgpu::PipelineSpec;

std::vector<const char*> adapter_toggles() {
  std::vector<const char*> toggles{"allow_unsafe_apis"};
  if (quirk("nvidia_f16_toggle")) toggles.push_back("vulkan_enable_f16_on_nvidia");
  return toggles;
}

namespace {

std::string text_of(wgpu::StringView text) {
  return text.data == nullptr ? std::string() : std::string(std::string_view(text));
}

wgpu::InstanceDescriptor instance_descriptor() {
  static constexpr wgpu::InstanceFeatureName kFeatures[] = {wgpu::InstanceFeatureName::TimedWaitAny};
  wgpu::InstanceDescriptor descriptor;
  descriptor.requiredFeatureCount = 1;
  descriptor.requiredFeatures = kFeatures;
  return descriptor;
}

struct Toggles {
  std::vector<const char*> enabled, disabled;
  wgpu::DawnTogglesDescriptor descriptor;
  void seal() {
    descriptor.enabledToggleCount = enabled.size();
    descriptor.enabledToggles = enabled.data();
    descriptor.disabledToggleCount = disabled.size();
    descriptor.disabledToggles = disabled.data();
  }
};

/// Whether an adapter of this kind computes; the Null backend runs every command and computes nothing.
bool computes(wgpu::BackendType type) {
  if (type == wgpu::BackendType::Null) return !quirk("refuse_null_backend");
  return type != wgpu::BackendType::Undefined && type != wgpu::BackendType::OpenGL &&
         type != wgpu::BackendType::OpenGLES;
}

std::vector<wgpu::Adapter> usable_adapters(const dawn::native::Instance& instance) {
  Toggles toggles;
  toggles.enabled = adapter_toggles();
  toggles.seal();
  wgpu::RequestAdapterOptions options;
  options.nextInChain = &toggles.descriptor;
  std::vector<wgpu::Adapter> usable;
  for (const dawn::native::Adapter& found : instance.EnumerateAdapters(&options)) {
    wgpu::Adapter adapter(found.Get());
    wgpu::AdapterInfo info;
    adapter.GetInfo(&info);
    if (computes(info.backendType)) usable.push_back(std::move(adapter));
  }
  const auto rank = [](const wgpu::Adapter& adapter) {
    wgpu::AdapterInfo info;
    adapter.GetInfo(&info);
    return info.adapterType == wgpu::AdapterType::DiscreteGPU     ? 0
           : info.adapterType == wgpu::AdapterType::IntegratedGPU ? 1
                                                                  : 2;
  };
  std::ranges::stable_sort(usable, {}, rank);
  return usable;
}

constexpr std::pair<wgpu::FeatureName, const char*> kFeatures[] = {
    {wgpu::FeatureName::ShaderF16, "shader-f16"},
    {wgpu::FeatureName::Subgroups, "subgroups"},
    {wgpu::FeatureName::ChromiumExperimentalSubgroupMatrix, "chromium-experimental-subgroup-matrix"},
    {wgpu::FeatureName::TimestampQuery, "timestamp-query"},
};

/// The largest square f16 x f16 -> f32 matrix unit of 16 or 8; 0 when there is none.
std::int32_t matrix_side(const wgpu::Adapter& adapter) {
  wgpu::AdapterPropertiesSubgroupMatrixConfigs configs;
  wgpu::AdapterInfo info;
  info.nextInChain = &configs;
  if (adapter.GetInfo(&info) != wgpu::Status::Success) return 0;
  std::int32_t side = 0;
  for (std::size_t i = 0; i < configs.configCount; ++i) {
    const wgpu::SubgroupMatrixConfig& config = configs.configs[i];
    if (config.componentType != wgpu::SubgroupMatrixComponentType::F16) continue;
    if (config.resultComponentType != wgpu::SubgroupMatrixComponentType::F32) continue;
    if (config.M != config.N || config.N != config.K || (config.M != 16 && config.M != 8)) continue;
    side = std::max(side, std::int32_t(config.M));
  }
  return side;
}

/// What Dawn says of an adapter, with the features and limits `of` it or of a device made of it.
template <class Of>
webgpu::AdapterFacts facts_of(const wgpu::Adapter& adapter, const Of& of) {
  wgpu::AdapterInfo said;
  adapter.GetInfo(&said);
  wgpu::Limits limits;
  of.GetLimits(&limits);
  const bool is_gpu =
      said.adapterType == wgpu::AdapterType::DiscreteGPU || said.adapterType == wgpu::AdapterType::IntegratedGPU;
  const auto bytes = [](std::uint64_t limit) { return std::int64_t(std::min<std::uint64_t>(limit, 1ULL << 40)); };
  webgpu::AdapterFacts facts{
      .vendor = text_of(said.vendor),
      .architecture = text_of(said.architecture),
      .device = text_of(said.device),
      .description = text_of(said.description),
      .is_fallback = !is_gpu,
      .features = {},
      .limits = {{"maxBufferSize", bytes(limits.maxBufferSize)},
                 {"maxStorageBufferBindingSize", bytes(limits.maxStorageBufferBindingSize)},
                 {"maxStorageBuffersPerShaderStage", limits.maxStorageBuffersPerShaderStage},
                 {"maxComputeWorkgroupStorageSize", limits.maxComputeWorkgroupStorageSize},
                 {"maxComputeInvocationsPerWorkgroup", limits.maxComputeInvocationsPerWorkgroup},
                 {"maxComputeWorkgroupsPerDimension", limits.maxComputeWorkgroupsPerDimension}},
      .subgroup_min_size = std::int32_t(said.subgroupMinSize),
      .subgroup_max_size = std::int32_t(said.subgroupMaxSize),
  };
  for (const auto& [feature, name] : kFeatures) {
    if (of.HasFeature(feature)) facts.features.emplace_back(name);
  }
  return facts;
}

DeviceInfo describe(const wgpu::Adapter& adapter) {
  const webgpu::AdapterFacts facts = facts_of(adapter, adapter);
  DeviceInfo info = webgpu::describe(facts);
  if (!facts.device.empty()) info.name = facts.device;  // a product's name, where browsers give a number or nothing
  return info;
}

}  // namespace

Result<std::vector<DeviceInfo>> list_adapters() {
  const wgpu::InstanceDescriptor descriptor = instance_descriptor();
  dawn::native::Instance instance(&descriptor);
  std::vector<DeviceInfo> devices;
  for (const wgpu::Adapter& adapter : usable_adapters(instance)) devices.push_back(describe(adapter));
  if (devices.empty()) {
    return fail(ErrorCode::kNoAdapter,
                "no WebGPU adapter: no Vulkan driver answers (install one, for example mesa-vulkan-drivers)");
  }
  return devices;
}

DawnDevice::~DawnDevice() {
  // Children first: the instance owns what they use.
  pipelines_.clear();
  layouts_.clear();
  queue = nullptr;
  device = nullptr;
  adapter = nullptr;
  instance = nullptr;
}

Result<std::shared_ptr<DawnDevice>> DawnDevice::open(const DawnOptions& options) {
  std::shared_ptr<DawnDevice> made(new DawnDevice);
  const wgpu::InstanceDescriptor descriptor = instance_descriptor();
  made->native_ = std::make_unique<dawn::native::Instance>(&descriptor);
  made->instance = wgpu::Instance(made->native_->Get());
  const auto adapters = usable_adapters(*made->native_);
  if (adapters.empty()) {
    return fail(ErrorCode::kNoAdapter,
                "no WebGPU adapter: no Vulkan driver answers (install one, for example mesa-vulkan-drivers)");
  }
  made->adapter = adapters.front();
  IA_TRY(made->request(options));
  return made;
}

Result<> DawnDevice::request(const DawnOptions& options) {
  this->options = options;
  info = describe(adapter);
  wgpu::Limits limits;
  adapter.GetLimits(&limits);
  std::vector<wgpu::FeatureName> features;
  const auto off = [&](std::string_view name) {
    return std::ranges::find(options.switched_off, name) != options.switched_off.end();
  };
  for (const auto& [feature, name] : kFeatures) {
    if (feature == wgpu::FeatureName::TimestampQuery && !options.timestamps) continue;
    // Dawn opens what a feature builds on along with it.
    const bool matrix = feature == wgpu::FeatureName::ChromiumExperimentalSubgroupMatrix;
    if (off(name) || (matrix && (off("subgroups") || off("shader-f16")))) {
      info.switched_off.push_back(std::string(name) + ": by the caller");
    } else if (adapter.HasFeature(feature)) {
      features.push_back(feature);
    }
  }
  Toggles toggles;
  // Shaders stay inside their buffers by construction and inputs are clamped in them, so Dawn's own checks cost time
  // for nothing.
  toggles.enabled = adapter_toggles();
  for (const char* toggle :
       {"disable_robustness", "disable_workgroup_init", "disable_polyfills_on_integer_div_and_mod"}) {
    toggles.enabled.push_back(toggle);
  }
  for (const std::string& toggle : options.toggles) toggles.enabled.push_back(toggle.c_str());
  toggles.disabled = {"lazy_clear_resource_on_first_use", "timestamp_quantization"};
  toggles.seal();
  wgpu::DeviceDescriptor descriptor;
  descriptor.nextInChain = &toggles.descriptor;
  descriptor.requiredFeatures = features.data();
  descriptor.requiredFeatureCount = features.size();
  descriptor.requiredLimits = &limits;
  descriptor.SetDeviceLostCallback(
      wgpu::CallbackMode::AllowSpontaneous,
      [](const wgpu::Device&, wgpu::DeviceLostReason reason, wgpu::StringView message, DawnDevice* self) {
        if (reason == wgpu::DeviceLostReason::Destroyed || reason == wgpu::DeviceLostReason::CallbackCancelled) return;
        const std::lock_guard lock(self->error_mutex_);
        self->lost_ = text_of(message);
      },
      this);
  descriptor.SetUncapturedErrorCallback(
      [](const wgpu::Device&, wgpu::ErrorType, wgpu::StringView message, DawnDevice* self) {
        const std::lock_guard lock(self->error_mutex_);
        if (self->error_.empty()) self->error_ = text_of(message);
      },
      this);
  device = adapter.CreateDevice(&descriptor);
  if (!device) return fail(ErrorCode::kNoAdapter, "adapter {} refuses to open a device", info.name);
  queue = device.GetQueue();

  capabilities = webgpu::capabilities_of(facts_of(adapter, device));
  capabilities.tuning = options.tuning;
  if (device.HasFeature(wgpu::FeatureName::ChromiumExperimentalSubgroupMatrix))
    capabilities.subgroup_matrix = matrix_side(adapter);
  return {};
}

Result<> DawnDevice::wait(wgpu::Future future) {
  // A short run is over before a sleeping thread would be woken; software adapters need the core themselves.
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(poll_ms());
  while (std::chrono::steady_clock::now() < until) {
    if (instance.WaitAny(future, 0) != wgpu::WaitStatus::TimedOut) return state();
  }
  if (instance.WaitAny(future, UINT64_MAX) != wgpu::WaitStatus::Success) {
    return fail(ErrorCode::kDeviceLost, "waiting for {} failed", info.name);
  }
  return state();
}

int DawnDevice::poll_ms() const { return quirk("poll_for_results", info) ? options.poll_ms : 0; }

std::string DawnDevice::lost() const {
  const std::lock_guard lock(error_mutex_);
  return lost_;
}

Result<> DawnDevice::state() {
  const std::lock_guard lock(error_mutex_);
  if (!lost_.empty()) return fail(ErrorCode::kDeviceLost, "{} is lost: {}", info.name, lost_);
  if (error_.empty()) return {};
  return fail(ErrorCode::kInternal, "WebGPU error: {}", std::exchange(error_, {}));
}

Result<> DawnDevice::pop_scope() {
  Result<> outcome;
  const auto done = device.PopErrorScope(
      wgpu::CallbackMode::WaitAnyOnly, [&](wgpu::PopErrorScopeStatus, wgpu::ErrorType type, wgpu::StringView message) {
        if (type == wgpu::ErrorType::NoError) return;
        const ErrorCode code = type == wgpu::ErrorType::OutOfMemory ? ErrorCode::kOutOfMemory : ErrorCode::kInternal;
        outcome = fail(code, "WebGPU on {}: {}", info.name, text_of(message));
      });
  IA_TRY(wait(done));
  return outcome;
}

wgpu::BindGroupLayout DawnDevice::layout(const std::vector<BindingType>& types) {
  wgpu::BindGroupLayout& made = layouts_[types];
  if (made) return made;
  std::vector<wgpu::BindGroupLayoutEntry> entries(types.size());
  for (std::size_t i = 0; i < types.size(); ++i) {
    entries[i].binding = std::uint32_t(i);
    entries[i].visibility = wgpu::ShaderStage::Compute;
    entries[i].buffer.type = types[i] == BindingType::kUniform   ? wgpu::BufferBindingType::Uniform
                             : types[i] == BindingType::kStorage ? wgpu::BufferBindingType::Storage
                                                                 : wgpu::BufferBindingType::ReadOnlyStorage;
  }
  wgpu::BindGroupLayoutDescriptor descriptor;
  descriptor.entryCount = entries.size();
  descriptor.entries = entries.data();
  return made = device.CreateBindGroupLayout(&descriptor);
}

Result<std::vector<wgpu::ComputePipeline>> DawnDevice::pipelines(const std::vector<PipelineSpec>& specs,
                                                                 const Stop& stop) {
  // As many as keep the threads busy, so that a stop waits for few.
  const std::size_t most = 2 * std::max(1u, std::thread::hardware_concurrency());
  std::deque<wgpu::Future> futures;
  std::vector<std::string> problems(specs.size());
  Result<> refused;  // returned only after the callbacks below have had their turn: they write into this frame
  const auto wait_for_oldest = [&] {
    const wgpu::Future oldest = futures.front();
    futures.pop_front();
    if (auto done = wait(oldest); !done && refused) refused = std::move(done);
  };
  for (std::size_t i = 0; i < specs.size() && refused; ++i) {
    const PipelineSpec& spec = specs[i];
    if (pipelines_.contains(spec.wgsl)) continue;
    if (futures.size() == most) wait_for_oldest();
    if (refused) refused = stop.check();
    if (!refused) break;
    wgpu::ShaderSourceWGSL source;
    source.code = std::string_view(spec.wgsl);
    wgpu::ShaderModuleDescriptor module;
    module.nextInChain = &source;
    wgpu::BindGroupLayout group = layout(spec.binding_types);
    wgpu::PipelineLayoutDescriptor layout_descriptor;
    layout_descriptor.bindGroupLayoutCount = 1;
    layout_descriptor.bindGroupLayouts = &group;
    wgpu::ComputePipelineDescriptor descriptor;
    descriptor.label = std::string_view(spec.label);
    descriptor.layout = device.CreatePipelineLayout(&layout_descriptor);
    device.PushErrorScope(wgpu::ErrorFilter::Validation);
    descriptor.compute.module = device.CreateShaderModule(&module);
    if (auto fine = pop_scope(); !fine) {
      refused = fail(fine.error().code == ErrorCode::kDeviceLost ? ErrorCode::kDeviceLost : ErrorCode::kShaderCompile,
                     "kernel {}: {}", spec.label, fine.error().message);
      break;
    }
    descriptor.compute.entryPoint = "main";
    futures.push_back(device.CreateComputePipelineAsync(
        &descriptor, wgpu::CallbackMode::WaitAnyOnly,
        [this, &spec, &problem = problems[i]](wgpu::CreatePipelineAsyncStatus status, wgpu::ComputePipeline made,
                                              wgpu::StringView message) {
          if (status == wgpu::CreatePipelineAsyncStatus::Success) {
            pipelines_[spec.wgsl] = std::move(made);
          } else {
            problem = "failed: " + text_of(message);
          }
        }));
  }
  while (!futures.empty()) wait_for_oldest();
  IA_TRY(refused);
  std::vector<wgpu::ComputePipeline> out;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    if (!problems[i].empty()) {
      return fail(ErrorCode::kShaderCompile, "kernel {} on {}: {}", specs[i].label, info.name, problems[i]);
    }
    out.push_back(pipelines_.find(specs[i].wgsl)->second);
  }
  return out;
}

}  // namespace ipfs_accelerate::host
