// Typed reads of config.json; see config.h.
#include "model/config.h"

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

namespace ipfs_accelerate {
namespace {

template <class... Args>
std::unexpected<Error> malformed(std::format_string<Args...> format, Args&&... args) {
  return fail(ErrorCode::kMalformedConfig, "config.json: {}", std::format(format, std::forward<Args>(args)...));
}

Result<std::int64_t> whole_number(const nlohmann::json& value, const char* key, std::int64_t low, std::int64_t high) {
  const bool fits = value.is_number_unsigned() ? value.get<std::uint64_t>() <= static_cast<std::uint64_t>(high)
                                               : value.is_number_integer() && value.get<std::int64_t>() <= high;
  if (!fits || value.get<std::int64_t>() < low) {
    return malformed("'{}' is {}, a whole number from {} to {} is needed", key, value.dump().substr(0, 40), low, high);
  }
  return value.get<std::int64_t>();
}

constexpr std::array<std::pair<std::string_view, Activation>, 9> kActivations{{
    {"gelu", Activation::kGelu},
    {"gelu_python", Activation::kGelu},
    {"gelu_new", Activation::kGeluTanh},
    {"gelu_fast", Activation::kGeluTanh},
    {"gelu_pytorch_tanh", Activation::kGeluTanh},
    {"relu", Activation::kRelu},
    {"tanh", Activation::kTanh},
    {"silu", Activation::kSilu},
    {"swish", Activation::kSilu},
}};

}  // namespace

Result<ModelConfig> ModelConfig::parse(std::string_view json) {
  auto parsed = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) return malformed("the file is no JSON object");
  ModelConfig config;
  config.json_ = std::make_shared<const nlohmann::json>(std::move(parsed));
  return config;
}

const nlohmann::json* ModelConfig::find(const char* key) const {
  const auto found = json_->find(key);
  return found == json_->end() || found->is_null() ? nullptr : &*found;
}

Result<std::int64_t> ModelConfig::size(const char* key, std::int64_t limit) const {
  const auto* value = find(key);
  if (!value) return malformed("the key '{}' is missing", key);
  return whole_number(*value, key, 1, limit);
}

Result<std::int64_t> ModelConfig::size_or(const char* key, std::int64_t limit, std::int64_t otherwise) const {
  const auto* value = find(key);
  if (!value) return otherwise;
  return whole_number(*value, key, 1, limit);
}

Result<std::int64_t> ModelConfig::index_or(const char* key, std::int64_t limit, std::int64_t otherwise) const {
  const auto* value = find(key);
  if (!value) return otherwise;
  return whole_number(*value, key, 0, limit);
}

Result<float> ModelConfig::epsilon_or(const char* key, float otherwise) const {
  const auto* value = find(key);
  if (!value) return otherwise;
  const double number = value->is_number() ? value->get<double>() : 0;
  if (!(number > 0 && number < 1)) {
    return malformed("'{}' is {}, a number between 0 and 1 is needed", key, value->dump().substr(0, 40));
  }
  return static_cast<float>(number);
}

Result<bool> ModelConfig::flag_or(const char* key, bool otherwise) const {
  const auto* value = find(key);
  if (!value) return otherwise;
  if (!value->is_boolean()) return malformed("'{}' is neither true nor false", key);
  return value->get<bool>();
}

Result<std::string> ModelConfig::text(const char* key) const {
  if (!find(key)) return malformed("the key '{}' is missing", key);
  return text_or(key, "");
}

Result<std::string> ModelConfig::text_or(const char* key, std::string otherwise) const {
  const auto* value = find(key);
  if (!value) return otherwise;
  if (!value->is_string()) return malformed("'{}' is no text", key);
  return value->get<std::string>();
}

Result<Activation> ModelConfig::activation_or(const char* key, std::string otherwise) const {
  IA_ASSIGN(const std::string name, text_or(key, std::move(otherwise)));
  for (const auto& [known, activation] : kActivations) {
    if (known == name) return activation;
  }
  return malformed("'{}' is '{}'; known are gelu, gelu_new, relu, tanh, silu", key, name);
}

Result<double> ModelConfig::number(const char* key) const {
  const auto* value = find(key);
  if (!value) return malformed("the key '{}' is missing", key);
  if (value->is_number() && std::isfinite(value->get<double>()) && value->get<double>() > 0)
    return value->get<double>();
  return malformed("'{}' is {}, a number above 0 is needed", key, value->dump().substr(0, 40));
}

Result<double> ModelConfig::number_or(const char* key, double otherwise) const {
  return find(key) ? number(key) : otherwise;
}

Result<std::optional<ModelConfig>> ModelConfig::section(const char* key) const {
  const auto* value = find(key);
  if (!value) return std::optional<ModelConfig>();
  if (!value->is_object()) return malformed("'{}' is no object", key);
  ModelConfig inner;
  inner.json_ = std::make_shared<const nlohmann::json>(*value);
  return inner;
}

Result<std::vector<std::int32_t>> ModelConfig::ids(const char* key) const {
  std::vector<std::int32_t> found;
  const auto* value = find(key);
  if (!value) return found;
  const auto add = [&](const nlohmann::json& id) -> Result<> {
    IA_ASSIGN(const std::int64_t number, whole_number(id, key, 0, (1 << 24) - 1));
    found.push_back(static_cast<std::int32_t>(number));
    return {};
  };
  if (!value->is_array()) {
    IA_TRY(add(*value));
    return found;
  }
  for (const nlohmann::json& id : *value) IA_TRY(add(id));
  return found;
}

Result<std::vector<std::string>> ModelConfig::architectures() const {
  const auto* value = find("architectures");
  if (!value) return std::vector<std::string>{};
  if (!value->is_array()) return malformed("'architectures' is no list");
  std::vector<std::string> names;
  for (const auto& name : *value) {
    if (!name.is_string()) return malformed("'architectures' holds something else than text");
    names.push_back(name.get<std::string>());
  }
  return names;
}

Result<std::vector<std::string>> ModelConfig::labels() const {
  const auto* value = find("id2label");
  if (!value) return std::vector<std::string>{};
  if (!value->is_object()) return malformed("'id2label' is no object");
  std::vector<std::string> labels;
  for (std::size_t id = 0; id < value->size(); ++id) {
    const auto found = value->find(std::to_string(id));
    if (found == value->end() || !found->is_string()) {
      return malformed("'id2label' has {} entries, but no text for id {}", value->size(), id);
    }
    labels.push_back(found->get<std::string>());
  }
  return labels;
}

}  // namespace ipfs_accelerate
