// The calls a page makes: JSON to the core's arguments, and the core's answers to JSON.
#include <nlohmann/json.hpp>

#include "page.h"

namespace ipfs_accelerate::page {
namespace {

using Json = nlohmann::json;

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

template <class T>
T field(const Json& object, const char* name, T fallback) {
  const auto found = object.find(name);
  return found == object.end() ? fallback : found->get<T>();
}

/// Takes an option out that Config does not have. kInvalidArgument for another type.
template <class T>
Result<std::optional<T>> take_option(Json& config, const char* name, bool (Json::*is_type)() const, const char* type) {
  const auto found = config.find(name);
  if (found == config.end()) return std::nullopt;
  if (!((*found).*is_type)()) return fail(ErrorCode::kInvalidArgument, "option '{}' must be a {}", name, type);
  const T value = found->get<T>();
  config.erase(found);
  return value;
}

Result<> read_config(Json config, Request& request) {
  IA_ASSIGN(const auto pooling, take_option<std::string>(config, "pooling", &Json::is_string, "string"));
  IA_ASSIGN(request.normalize, take_option<bool>(config, "normalize", &Json::is_boolean, "boolean"));
  IA_ASSIGN(const auto stall, take_option<double>(config, "stall_timeout", &Json::is_number, "number"));
  request.pooling = pooling.value_or("");
  if (stall) config["gateway_timeout"] = static_cast<int>((*stall + 999) / 1000);  // ms to whole seconds
  IA_ASSIGN(request.config, Config::from_json(dump(config)));
  request.config.allow_local_gateways = true;  // the browser decides what a page may reach
  return {};
}

/// {"model", "config", "hidden_states"?, "all_tokens"?}
Result<Request> read_request(const Json& json) {
  Request request;
  request.model = field<std::string>(json, "model", "");
  request.hidden_states = field(json, "hidden_states", false);
  request.all_tokens = field(json, "all_tokens", false);
  IA_TRY(read_config(field(json, "config", Json::object()), request));
  return request;
}

std::vector<Input> read_inputs(const Json& json) {
  std::vector<Input> inputs;
  for (const Json& item : field(json, "inputs", Json::array())) {
    Input input{.text = item.value("text", ""), .pair = {}};
    if (item.contains("pair")) input.pair = item.value("pair", "");
    inputs.push_back(std::move(input));
  }
  return inputs;
}

std::vector<EncodedItem> read_encodings(const Json& json) {
  using Ids = std::vector<std::int32_t>;
  std::vector<EncodedItem> items;
  for (const Json& item : field(json, "encodings", Json::array())) {
    items.push_back({item.value("ids", Ids()), item.value("type_ids", Ids()), item.value("attention_mask", Ids())});
  }
  return items;
}

std::string base64(ByteView bytes) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) group = group << 8 | (i + k < bytes.size() ? bytes[i + k] : 0u);
    for (std::size_t k = 0; k < 4; ++k) text += i + k > bytes.size() ? '=' : kDigits[group >> (18 - 6 * k) & 63];
  }
  return text;
}

Json outputs_json(const Evaluation& evaluation) {
  Json outputs = Json::array();
  for (const auto& [name, tensor] : evaluation.outputs) {
    outputs.push_back({{"name", name}, {"shape", tensor.shape}, {"values", base64(tensor.bytes)}});
  }
  return outputs;
}

Json segments_json(const std::vector<SegmentReport>& segments) {
  Json list = Json::array();
  for (const auto& [platform, nodes, reason] : segments) {
    list.push_back({{"platform", platform}, {"nodes", nodes}, {"reason", reason}});
  }
  return list;
}

Async<std::string> evaluate(Core& core, Request request, Json json, Stop stop) {
  const Evaluation evaluation =
      co_await core.evaluate(std::move(request), read_encodings(json), read_inputs(json), std::move(stop));
  co_return dump({{"outputs", outputs_json(evaluation)},
                  {"ids", evaluation.ids},
                  {"segments", segments_json(evaluation.segments)}});
}

Async<std::string> load(Core& core, Request request, LoadListener listener, Stop stop) {
  const LoadedFacts facts = co_await core.load(std::move(request), std::move(listener), std::move(stop));
  co_return dump({{"task", facts.task}, {"cid", facts.cid}, {"labels", facts.labels}});
}

Async<std::string> run(Core& core, Request request, Json json, LoadListener listener, Stop stop) {
  RunResult result = co_await core.run(std::move(request), read_inputs(json), std::move(listener), std::move(stop));
  result.model_name = field(json, "name", result.model_name);
  co_return result.to_json();
}

}  // namespace

Async<std::string> carry_out(Core& core, host::Host& host, std::string text, LoadListener listener, Stop stop) {
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) co_await fail(ErrorCode::kInvalidArgument, "a call must be a JSON object");
  const std::string method = field<std::string>(json, "method", "");
  if (method == "devices") co_return co_await core.devices(std::move(stop));
  if (method.starts_with("test.")) co_return co_await test_call(host, method, std::move(text), std::move(stop));
  Request request = co_await read_request(json);
  if (method == "run") co_return co_await run(core, std::move(request), std::move(json), std::move(listener), stop);
  if (method == "load") co_return co_await load(core, std::move(request), std::move(listener), stop);
  if (method == "explain") co_return co_await core.explain(std::move(request), read_inputs(json), stop);
  if (method == "evaluate") co_return co_await evaluate(core, std::move(request), std::move(json), stop);
  if (method != "unload") co_await fail(ErrorCode::kInvalidArgument, "no method '{}'", method);
  core.unload(request);
  co_return "null";
}

}  // namespace ipfs_accelerate::page
