// Config from JSON and RunResult to JSON: the words of the original API.
#include <nlohmann/json.hpp>
#include <utility>

#include "base/result.h"
#include "engine/answer_json.h"
#include "engine/json_forms.h"
#include "ipfs_accelerate/run.h"

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::json;

Result<> wrong_type(const std::string& key, std::string_view wanted, const Json& value) {
  return fail(ErrorCode::kInvalidArgument, "option '{}' must be {}, not {}", key, wanted,
              value.dump(-1, ' ', true, Json::error_handler_t::replace).substr(0, 60));
}

Result<> read(const std::string& key, const Json& value, std::string& out) {
  if (!value.is_string()) return wrong_type(key, "a text", value);
  out = value.get<std::string>();
  return {};
}
Result<> read(const std::string& key, const Json& value, bool& out) {
  if (!value.is_boolean()) return wrong_type(key, "true or false", value);
  out = value.get<bool>();
  return {};
}
Result<> read(const std::string& key, const Json& value, int& out) {
  if (!value.is_number_integer()) return wrong_type(key, "a whole number", value);
  const bool fits = value.is_number_unsigned() ? std::in_range<int>(value.get<std::uint64_t>())
                                               : std::in_range<int>(value.get<std::int64_t>());
  if (!fits) return wrong_type(key, "a whole number from -2147483648 to 2147483647", value);
  out = value.get<int>();  // what it means has limits of its own: check_config()
  return {};
}
Result<> read(const std::string& key, const Json& value, std::vector<std::string>& out) {
  if (!value.is_array()) return wrong_type(key, "an array of texts", value);
  out.clear();
  for (const Json& item : value) {
    if (!item.is_string()) return wrong_type(key, "an array of texts", value);
    out.push_back(item.get<std::string>());
  }
  return {};
}

Result<> read(const std::string& key, const Json& value, std::vector<std::int32_t>& out) {
  if (!value.is_array()) return wrong_type(key, "an array of whole numbers", value);
  out.clear();
  for (const Json& item : value) IA_TRY(read(key, item, out.emplace_back()));
  return {};
}

Result<> read_option(Config& config, const std::string& key, const Json& value) {
  if (key == "task") return read(key, value, config.task);
  if (key == "platform") return read(key, value, config.platform);
  if (key == "precision") return read(key, value, config.precision);
  if (key == "mixed_precision") return read(key, value, config.mixed_precision);
  if (key == "allow_fallback") return read(key, value, config.allow_fallback);
  if (key == "truncation") return read(key, value, config.truncation);
  if (key == "top_k") return read(key, value, config.top_k);
  if (key == "max_new_tokens") return read(key, value, config.max_new_tokens);
  if (key == "stop_token_ids") return read(key, value, config.stop_token_ids);
  if (key == "batch_size") return read(key, value, config.batch_size);
  if (key == "threads") return read(key, value, config.threads);
  if (key == "gateways") return read(key, value, config.gateways);
  if (key == "allow_local_gateways") return read(key, value, config.allow_local_gateways);
  if (key == "gateway_timeout") return read(key, value, config.gateway_timeout);
  return fail(ErrorCode::kUnknownOption,
              "no option '{}'; known: task, platform, precision, mixed_precision, allow_fallback, truncation, top_k, "
              "max_new_tokens, stop_token_ids, batch_size, threads, gateways, allow_local_gateways, gateway_timeout",
              key);
}

}  // namespace

Result<Config> Config::from_json(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return fail(ErrorCode::kInvalidArgument, "the configuration is no JSON object");
  Config config;
  for (const auto& [key, value] : json.items()) IA_TRY(read_option(config, key, value));
  return config;
}

std::string RunResult::to_json() const {
  nlohmann::ordered_json json;
  json["model_name"] = model_name;
  json["model_type"] = model_type;
  json["task"] = task;
  json["platform"] = platform;
  json["browser"] = browser.empty() ? Json(nullptr) : Json(browser);
  json["is_real_hardware"] = is_real_hardware;
  json["precision"] = precision;
  json["mixed_precision"] = mixed_precision;
  json["processing_time"] = processing_time;
  json["total_time"] = total_time;
  json["ipfs_cache_hit"] = ipfs_cache_hit;
  json["ipfs_source"] = ipfs_source;
  json["ipfs_load_time"] = ipfs_load_time;
  json["cid"] = cid;
  json["optimizations"] = optimizations;
  json["memory_usage_mb"] = memory_usage_mb;
  json["throughput_items_per_sec"] = throughput_items_per_sec;
  json["p2p_optimized"] = p2p_optimized;
  json["adapter_info"] = adapter_info;
  json["fallback"] = fallback.empty() ? Json(nullptr) : Json(fallback);
  json["segments"] = segments;
  json["content"] = {{"cache", content.cache},
                     {"blocks_from_cache", content.blocks_from_cache},
                     {"blocks_fetched", content.blocks_fetched},
                     {"bytes_from_cache", content.bytes_from_cache},
                     {"bytes_fetched", content.bytes_fetched},
                     {"bytes_verified", content.bytes_verified},
                     {"blocks_corrupt", content.blocks_corrupt},
                     {"quota_exceeded", content.quota_exceeded},
                     {"milliseconds", content.milliseconds}};
  json["tokens"] = tokens;
  json["answer_kind"] = answers.empty() ? Json(nullptr) : Json(answer_kind_name(kind_of(answers[0])));
  json["output"] = answers_json(answers);
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace ipfs_accelerate
