// Reading modules.json, 1_Pooling/config.json, tokenizer_config.json ...; see sentence_files.h.
#include "engine/sentence_files.h"

#include <array>

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::json;

/// The parsed file; null JSON when it is absent.
Result<Json> read_json(const ModelFiles& files, std::string_view name) {
  const auto found = files.find(name);
  if (found == files.end()) return Json();
  Json json = Json::parse(found->second, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded() || json.is_null()) return fail(ErrorCode::kMalformedConfig, "{} is no JSON", name);
  return json;
}

/// A member's text; empty when absent or something else.
std::string text_of(const Json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

constexpr std::array<std::pair<std::string_view, PoolMode>, 6> kModes{{
    {"mean_tokens", PoolMode::kMean},
    {"cls_token", PoolMode::kCls},
    {"max_tokens", PoolMode::kMax},
    {"mean_sqrt_len_tokens", PoolMode::kMeanSqrtLength},
    {"lasttoken", PoolMode::kLastToken},
    {"weightedmean_tokens", PoolMode::kWeightedMean},
}};
/// The names newer files use under the one key "pooling_mode".
constexpr std::array<std::pair<std::string_view, PoolMode>, 6> kShortModes{{
    {"mean", PoolMode::kMean},
    {"cls", PoolMode::kCls},
    {"max", PoolMode::kMax},
    {"mean_sqrt_len_tokens", PoolMode::kMeanSqrtLength},
    {"lasttoken", PoolMode::kLastToken},
    {"weightedmean", PoolMode::kWeightedMean},
}};

Result<PoolMode> read_mode(const Json& config, const std::string& file) {
  if (!config.is_object()) return fail(ErrorCode::kMalformedConfig, "{} is no JSON object", file);
  if (const std::string name = text_of(config, "pooling_mode"); !name.empty()) {
    for (const auto& [known, mode] : kShortModes) {
      if (known == name) return mode;
    }
    return fail(ErrorCode::kMalformedConfig, "{}: pooling_mode '{}' is not known", file, name);
  }
  std::vector<PoolMode> chosen;
  for (const auto& [name, mode] : kModes) {
    const auto found = config.find("pooling_mode_" + std::string(name));
    if (found == config.end()) continue;
    if (!found->is_boolean()) {
      return fail(ErrorCode::kMalformedConfig, "{}: pooling_mode_{} is neither true nor false", file, name);
    }
    if (found->get<bool>()) chosen.push_back(mode);
  }
  if (chosen.size() == 1) return chosen[0];
  return fail(ErrorCode::kMalformedConfig, "{} chooses {} pooling modes, exactly one can be used", file, chosen.size());
}

Result<PoolMode> read_pooling_module(const ModelFiles& files, const std::string& folder) {
  const std::string file = folder + "/config.json";
  IA_ASSIGN(const Json config, read_json(files, file));
  if (config.is_null()) return fail(ErrorCode::kNotFound, "modules.json names {}, which is not there", file);
  return read_mode(config, file);
}

/// Lowers `limit` to a number found under `key`; huge ones, as tokenizers write for "none", change nothing.
Result<> lower_limit(const ModelFiles& files, std::string_view file, const char* key, std::int64_t& limit) {
  IA_ASSIGN(const Json json, read_json(files, file));
  if (!json.is_object() || !json.contains(key) || json[key].is_null()) return {};
  if (!json[key].is_number() || !(json[key].get<double>() >= 1)) {
    return fail(ErrorCode::kMalformedConfig, "{}: '{}' is no positive number", file, key);
  }
  if (json[key].get<double>() < static_cast<double>(limit)) limit = static_cast<std::int64_t>(json[key].get<double>());
  return {};
}

}  // namespace

Result<Pooling> read_pooling(const ModelFiles& files) {
  Pooling pooling;
  IA_ASSIGN(const Json modules, read_json(files, "modules.json"));
  if (modules.is_null()) return pooling;
  if (!modules.is_array()) return fail(ErrorCode::kMalformedConfig, "modules.json is no list");
  for (const Json& module : modules) {
    const std::string type = text_of(module, "type");
    const std::string name = type.substr(type.rfind('.') + 1);
    if (name == "Pooling") {
      IA_ASSIGN(pooling.mode, read_pooling_module(files, text_of(module, "path")));
    } else if (name == "Normalize") {
      pooling.normalize = true;
    } else if (name != "Transformer") {
      return fail(ErrorCode::kMalformedConfig, "modules.json: a module of type '{}' is not known here", type);
    }
  }
  return pooling;
}

Result<std::int64_t> read_max_tokens(const ModelFiles& files, std::int64_t model_limit) {
  std::int64_t limit = model_limit;
  IA_TRY(lower_limit(files, "tokenizer_config.json", "model_max_length", limit));
  IA_TRY(lower_limit(files, "sentence_bert_config.json", "max_seq_length", limit));
  return limit;
}

Result<std::string> read_mask_token(const ModelFiles& files) {
  for (std::string_view file : {"tokenizer_config.json", "special_tokens_map.json"}) {
    IA_ASSIGN(const Json json, read_json(files, file));
    if (std::string token = text_of(json, "mask_token"); !token.empty()) return token;
    if (!json.is_object() || !json.contains("mask_token")) continue;
    if (std::string token = text_of(json["mask_token"], "content"); !token.empty()) return token;
  }
  return std::string();
}

}  // namespace ipfs_accelerate
