// Reads model.safetensors.index.json: which files hold the tensors of a sharded model.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "weights/weights.h"

namespace ipfs_accelerate {
namespace {

constexpr std::size_t kMaxFiles = 10'000;

/// A plain name in the model's folder: nothing that could lead out of it.
bool is_plain_name(std::string_view name) {
  return name.ends_with(".safetensors") && name.find_first_of("/\\") == std::string_view::npos &&
         name.find('\0') == std::string_view::npos && !name.starts_with('.');
}

}  // namespace

Result<std::vector<std::string>> sharded_file_names(std::string_view index_json) {
  // An ordered parse keeps "order of first use" that of the file.
  const auto index = nlohmann::ordered_json::parse(index_json, nullptr, /*allow_exceptions=*/false);
  if (!index.is_object() || !index.contains("weight_map") || !index["weight_map"].is_object()) {
    return fail(ErrorCode::kMalformedWeights, "model.safetensors.index.json has no object weight_map");
  }
  std::vector<std::string> names;
  for (const auto& [tensor, file] : index["weight_map"].items()) {
    if (!file.is_string() || !is_plain_name(file.get_ref<const std::string&>())) {
      return fail(ErrorCode::kMalformedWeights, "weight_map names no file of this folder for tensor '{}'", tensor);
    }
    const auto& name = file.get_ref<const std::string&>();
    if (std::ranges::contains(names, name)) continue;
    if (names.size() == kMaxFiles) return fail(ErrorCode::kLimitExceeded, "weight_map names over {} files", kMaxFiles);
    names.push_back(name);
  }
  if (names.empty()) return fail(ErrorCode::kMalformedWeights, "weight_map is empty");
  return names;
}

}  // namespace ipfs_accelerate
