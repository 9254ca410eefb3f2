// Reading config.json: every value is checked for type and range, and a complaint names the key.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace ipfs_accelerate {

/// config.json of a model. Null counts as absent. All errors are kMalformedConfig.
class ModelConfig {
 public:
  static Result<ModelConfig> parse(std::string_view json);

  /// A whole number in [1, limit]. Without a default the key must be there.
  Result<std::int64_t> size(const char* key, std::int64_t limit) const;
  Result<std::int64_t> size_or(const char* key, std::int64_t limit, std::int64_t otherwise) const;
  /// A whole number in [0, limit].
  Result<std::int64_t> index_or(const char* key, std::int64_t limit, std::int64_t otherwise) const;
  Result<float> epsilon_or(const char* key, float otherwise) const;  ///< in (0, 1)
  Result<double> number(const char* key) const;                      ///< finite, above 0
  Result<double> number_or(const char* key, double otherwise) const;
  /// An object inside this one; nothing when the key is absent.
  Result<std::optional<ModelConfig>> section(const char* key) const;
  Result<bool> flag_or(const char* key, bool otherwise) const;
  Result<std::string> text(const char* key) const;
  Result<std::string> text_or(const char* key, std::string otherwise) const;
  Result<Activation> activation_or(const char* key, std::string otherwise) const;
  /// A token id or several, perhaps none.
  Result<std::vector<std::int32_t>> ids(const char* key) const;
  /// "architectures", perhaps empty.
  Result<std::vector<std::string>> architectures() const;
  /// Names of "id2label" in order of their ids; empty when the key is absent.
  Result<std::vector<std::string>> labels() const;

 private:
  const nlohmann::json* find(const char* key) const;  ///< null when absent
  std::shared_ptr<const nlohmann::json> json_;        ///< an object
};

}  // namespace ipfs_accelerate
