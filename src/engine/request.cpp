#include "engine/request.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::json;

Result<Input> read_input(const Json& json, std::size_t number) {
  if (json.is_string()) return Input{json.get<std::string>(), std::nullopt};
  const auto text = json.is_object() ? json.find("text") : json.end();
  if (text == json.end() || !text->is_string()) {
    return fail(ErrorCode::kInvalidArgument, "input {} is no text", number);
  }
  Input input{text->get<std::string>(), std::nullopt};
  const auto pair = json.find("pair");
  if (pair == json.end() || pair->is_null()) return input;
  if (!pair->is_string()) return fail(ErrorCode::kInvalidArgument, "the pair of input {} is no text", number);
  input.pair = pair->get<std::string>();
  return input;
}

Result<std::vector<Input>> inputs_of(const Json& json) {
  std::vector<Input> inputs;
  if (!json.is_array()) {
    IA_ASSIGN(inputs.emplace_back(), read_input(json, 0));
    return inputs;
  }
  for (const Json& item : json) {
    IA_ASSIGN(Input input, read_input(item, inputs.size()));
    inputs.push_back(std::move(input));
  }
  return inputs;
}

std::vector<std::int32_t> numbers(const Json& object, const char* key) {
  std::vector<std::int32_t> values;
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array()) return values;
  for (const Json& value : *found) values.push_back(value.is_number_integer() ? value.get<std::int32_t>() : -1);
  return values;
}

Result<> wrong(const std::string& key, const char* wanted) {
  return fail(ErrorCode::kInvalidArgument, "'{}' must be {}", key, wanted);
}

Result<> read_bool(const std::string& key, const Json& value, bool& into) {
  if (!value.is_boolean()) return wrong(key, "true or false");
  into = value.get<bool>();
  return {};
}

Result<> read_text(const std::string& key, const Json& value, std::string& into) {
  if (!value.is_string()) return wrong(key, "a text");
  into = value.get<std::string>();
  return {};
}

/// Options that Config does not have are taken out first.
Result<> read_config(Request& request, Json config) {
  if (!config.is_object()) return wrong("config", "an object");
  if (const auto found = config.find("pooling"); found != config.end()) {
    IA_TRY(read_text("pooling", *found, request.pooling));
    config.erase(found);
  }
  if (const auto found = config.find("normalize"); found != config.end()) {
    IA_TRY(read_bool("normalize", *found, request.normalize.emplace()));
    config.erase(found);
  }
  if (const auto found = config.find("stall_timeout"); found != config.end()) {
    if (!found->is_number() || !(found->get<double>() >= 1) || found->get<double>() > 3.6e6) {
      return wrong("stall_timeout", "1 to 3600000 milliseconds");
    }
    config["gateway_timeout"] = static_cast<int>(std::ceil(found->get<double>() / 1000));
    config.erase("stall_timeout");
  }
  IA_ASSIGN(request.config, Config::from_json(config.dump(-1, ' ', false, Json::error_handler_t::replace)));
  return {};
}

Result<> read_field(Call& call, const std::string& key, const Json& value) {
  Request& request = call.request;
  if (key == "method") return read_text(key, value, call.method);
  if (key == "model") return read_text(key, value, request.model);
  if (key == "name") return read_text(key, value, call.name);
  if (key == "config") return read_config(request, value);
  if (key == "hidden_states") return read_bool(key, value, request.hidden_states);
  if (key == "all_tokens") return read_bool(key, value, request.all_tokens);
  if (key == "inputs") {
    IA_ASSIGN(call.inputs, inputs_of(value));
    return {};
  }
  if (key == "encodings") {
    if (!value.is_array()) return wrong(key, "an array");
    for (const Json& item : value) {
      if (!item.is_object()) return wrong(key, "an array of objects");
      call.encodings.push_back({numbers(item, "ids"), numbers(item, "type_ids"), numbers(item, "attention_mask")});
    }
    return {};
  }
  return fail(ErrorCode::kUnknownOption, "a call has no field '{}'", key);
}

}  // namespace

Result<> check_config(const Config& config) {
  static const std::set<std::string> platforms = {"auto", "cpu", "webgpu", "webnn"};
  if (!platforms.contains(config.platform)) {
    return fail(ErrorCode::kUnknownPlatform, "no platform '{}'; known: auto, cpu, webgpu, webnn", config.platform);
  }
  if (config.precision != 32 && config.precision != 16) {
    return fail(ErrorCode::kUnsupportedPrecision, "precision {} is not available; 32 and 16 are", config.precision);
  }
  if (config.mixed_precision) {
    return fail(ErrorCode::kUnsupportedPrecision,
                "mixed_precision is not available; choose precision 32 or 16 for the whole model");
  }
  if (config.top_k < 1) return fail(ErrorCode::kInvalidArgument, "top_k is {}; it must be at least 1", config.top_k);
  if (config.batch_size < 1 || config.batch_size > 4096) {
    return fail(ErrorCode::kInvalidArgument, "batch_size is {}; it must be 1 to 4096", config.batch_size);
  }
  if (config.gateway_timeout < 1 || config.gateway_timeout > 3600) {
    return fail(ErrorCode::kInvalidArgument, "gateway_timeout is {} s; it must be 1 to 3600", config.gateway_timeout);
  }
  if (config.threads < 0 || config.threads > 1024) {
    return fail(ErrorCode::kInvalidArgument, "threads is {}; it must be 1 to 1024, or 0 for all", config.threads);
  }
  return {};
}

Result<std::vector<Input>> read_inputs(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return fail(ErrorCode::kInvalidArgument, "the inputs are no JSON");
  return inputs_of(json);
}

Result<Call> read_call(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return fail(ErrorCode::kInvalidArgument, "the call is no JSON object");
  Call call;
  for (const auto& [key, value] : json.items()) IA_TRY(read_field(call, key, value));
  return call;
}

}  // namespace ipfs_accelerate
