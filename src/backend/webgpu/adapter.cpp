#include "backend/webgpu/adapter.h"

#include <algorithm>
#include <cctype>

namespace ipfs_accelerate::webgpu {
namespace {

constexpr std::string_view kSoftware[] = {"swiftshader", "llvmpipe", "lavapipe", "softpipe", "basic render"};

bool is_letter(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

/// Not in the middle of another word.
bool has_word(std::string_view text, std::string_view word) {
  for (std::size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || !is_letter(text[at - 1])) && (end == text.size() || !is_letter(text[end]))) return true;
  }
  return false;
}

std::string name_of(const AdapterFacts& adapter, const std::string& what, bool real) {
  std::string name;
  std::vector<std::string> said;
  for (const std::string& text : {adapter.vendor, adapter.architecture, what}) {
    if (text.empty() || std::ranges::contains(said, text)) continue;
    name += (name.empty() ? "" : " ") + text;
    said.push_back(text);
  }
  if (!name.empty()) return name;
  return real ? "a GPU that the browser does not name" : "a software adapter that the browser does not name";
}

}  // namespace

bool names_software(std::string_view texts) {
  std::string lower(texts);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::ranges::any_of(kSoftware, [&](std::string_view name) { return lower.contains(name); }) ||
         has_word(lower, "warp");
}

DeviceInfo describe(const AdapterFacts& adapter) {
  const std::string texts =
      adapter.vendor + " " + adapter.architecture + " " + adapter.device + " " + adapter.description;
  DeviceInfo info;
  info.platform = "webgpu";
  info.driver = adapter.description.empty() ? adapter.device : adapter.description;
  info.is_real_hardware = !adapter.is_fallback && !names_software(texts);
  info.name = name_of(adapter, info.driver, info.is_real_hardware);
  info.vendor = adapter.vendor;
  info.architecture = adapter.architecture;
  info.features = adapter.features;
  std::ranges::sort(info.features, {}, [](const std::string& feature) {  // those that are used first
    return std::pair(!std::ranges::contains(kWantedFeatures, feature), feature);
  });
  for (const std::string_view name : kWantedLimits) {
    const auto limit = adapter.limits.find(std::string(name));
    if (limit != adapter.limits.end()) info.limits.emplace_back(*limit);
  }
  if (adapter.subgroup_max_size > 0) {
    info.limits.emplace_back("subgroupMinSize", adapter.subgroup_min_size);
    info.limits.emplace_back("subgroupMaxSize", adapter.subgroup_max_size);
  }
  return info;
}

Capabilities capabilities_of(const AdapterFacts& device) {
  Capabilities c;
  const auto read = [&](const char* name, auto& field) {
    const auto limit = device.limits.find(name);
    if (limit != device.limits.end()) field = static_cast<std::remove_reference_t<decltype(field)>>(limit->second);
  };
  c.shader_f16 = std::ranges::contains(device.features, "shader-f16");
  c.subgroups = std::ranges::contains(device.features, "subgroups");
  c.subgroup_min_size = device.subgroup_min_size;
  c.subgroup_max_size = device.subgroup_max_size;
  read("maxStorageBufferBindingSize", c.max_storage_binding);
  read("maxBufferSize", c.max_buffer);
  read("maxComputeWorkgroupStorageSize", c.max_workgroup_storage);
  read("maxComputeInvocationsPerWorkgroup", c.max_workgroup_invocations);
  read("maxComputeWorkgroupsPerDimension", c.max_workgroups_per_dimension);
  return c;
}

}  // namespace ipfs_accelerate::webgpu
