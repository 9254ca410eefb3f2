// Reading one component's JSON object: every field checked, every error saying which component and field.
#pragma once

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ipfs_accelerate::input {

using Json = nlohmann::json;

/// How deep components may hold components (Sequence in Sequence ...).
constexpr int kMaxDepth = 16;

class Fields {
 public:
  /// `where` names the component in errors ("normalizer"). kMalformedConfig when `json` is no object.
  static Result<Fields> of(const Json& json, std::string where) {
    if (!json.is_object()) return fail(ErrorCode::kMalformedConfig, "tokenizer.json: {} must be an object", where);
    return Fields(json, std::move(where));
  }

  /// The value, or null when absent.
  const Json* find(std::string_view key) const {
    const auto found = json_->find(key);
    return found == json_->end() || found->is_null() ? nullptr : &*found;
  }
  Result<const Json*> array(std::string_view key) const {
    const Json* value = find(key);
    if (!value || !value->is_array()) return wrong(key, "an array");
    return value;
  }
  Result<std::string> text(std::string_view key) const {
    const Json* value = find(key);
    if (!value || !value->is_string()) return wrong(key, "a string");
    return value->get<std::string>();
  }
  Result<std::optional<std::string>> optional_text(std::string_view key) const {
    if (!find(key)) return std::nullopt;
    return text(key);
  }
  Result<bool> flag(std::string_view key, std::optional<bool> absent = std::nullopt) const {
    const Json* value = find(key);
    if (!value && absent) return *absent;
    if (!value || !value->is_boolean()) return wrong(key, "true or false");
    return value->get<bool>();
  }
  /// A whole number from 0 to 2^31 - 1.
  Result<std::int32_t> number(std::string_view key, std::optional<std::int32_t> absent = std::nullopt) const {
    const Json* value = find(key);
    if (!value && absent) return *absent;
    if (!value) return wrong(key, "a whole number from 0 to 2147483647");
    return whole_number(*value, key);
  }
  Result<std::int32_t> whole_number(const Json& value, std::string_view key) const {
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > std::numeric_limits<std::int32_t>::max()) {
      return wrong(key, "a whole number from 0 to 2147483647");
    }
    return static_cast<std::int32_t>(value.get<std::uint64_t>());
  }
  std::unexpected<Error> wrong(std::string_view key, std::string_view what) const {
    return fail(ErrorCode::kMalformedConfig, "tokenizer.json: {}.{} must be {}", where_, key, what);
  }
  std::unexpected<Error> unsupported(std::string_view what) const {
    return fail(ErrorCode::kUnsupportedTokenizer, "tokenizer.json: {} {} is not supported", where_, what);
  }
  const std::string& where() const { return where_; }

 private:
  Fields(const Json& json, std::string where) : json_(&json), where_(std::move(where)) {}
  const Json* json_;
  std::string where_;
};

}  // namespace ipfs_accelerate::input
