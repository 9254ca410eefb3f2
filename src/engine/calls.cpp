#include "engine/calls.h"

#include <nlohmann/json.hpp>

#include "engine/request.h"

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::json;

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

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

Async<std::string> evaluate(Core& core, Call call, Stop stop) {
  const Evaluation evaluation = co_await core.evaluate(call.request, call.encodings, call.inputs, stop);
  co_return dump({{"outputs", outputs_json(evaluation)},
                  {"ids", evaluation.ids},
                  {"segments", segments_json(evaluation.segments)}});
}

Async<std::string> load(Core& core, Call call, LoadListener listener, Stop stop) {
  const LoadedFacts facts = co_await core.load(call.request, std::move(listener), stop);
  co_return dump({{"task", facts.task}, {"cid", facts.cid}, {"labels", facts.labels}});
}

Async<std::string> run(Core& core, Call call, LoadListener listener, Stop stop) {
  RunResult result = co_await core.run(call.request, call.inputs, std::move(listener), stop);
  if (!call.name.empty()) result.model_name = call.name;
  co_return result.to_json();
}

}  // namespace

std::string event_json(const LoadEvent& event) {
  Json json{{"status", event.status}};
  const auto add = [&](const char* name, const std::string& text) {
    if (!text.empty()) json[name] = text;
  };
  add("file", event.file);
  add("source", event.source);
  add("task", event.task);
  if (!event.file.empty() && event.status != "initiate") {
    json.update({{"loaded", event.loaded}, {"total", event.total}});
  }
  return dump(json);
}

Async<std::string> carry_out(Core& core, std::string text, LoadListener listener, Stop stop) {
  Call call = co_await read_call(text);
  const std::string method = call.method;
  if (method == "run") co_return co_await run(core, std::move(call), std::move(listener), stop);
  if (method == "load") co_return co_await load(core, std::move(call), std::move(listener), stop);
  if (method == "explain") co_return co_await core.explain(call.request, call.inputs, stop);
  if (method == "evaluate") co_return co_await evaluate(core, std::move(call), stop);
  if (method == "devices") co_return co_await core.devices(stop);
  if (method != "unload") co_await fail(ErrorCode::kInvalidArgument, "no method '{}'", method);
  core.unload(call.request);
  co_return "null";
}

}  // namespace ipfs_accelerate
