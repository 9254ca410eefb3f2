#include "engine/calls.h"

#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "engine/json_forms.h"
#include "task/task.h"

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::json;

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json memory_json(const Memory& memory) {
  return {{"weight_bytes", memory.weights}, {"activation_bytes", memory.activations}};
}

Json outputs_json(const Evaluation& evaluation) {
  Json outputs = Json::array();
  for (const auto& [name, tensor] : evaluation.outputs) {
    outputs.push_back({{"name", name},
                       {"dtype", dtype_name(tensor.dtype)},
                       {"shape", tensor.shape},
                       {"values", base64(tensor.bytes)}});
  }
  return outputs;
}

Async<std::string> evaluate(Core& core, Call call, Stop stop) {
  const Evaluation evaluation = co_await core.evaluate(call.request, call.encodings, call.inputs, stop);
  co_return dump({{"outputs", outputs_json(evaluation)},
                  {"ids", evaluation.ids},
                  {"segments", evaluation.segments},
                  {"predicted", memory_json(evaluation.predicted)},
                  {"taken", memory_json(evaluation.taken)}});
}

LoadListener events_of(const Call& call, const EventListener& tell) {
  if (!tell) return {};
  return [name = call.name, tell](const LoadEvent& event) { tell(event_json(name, event)); };
}

Async<std::string> load(Core& core, Call call, EventListener tell, Stop stop) {
  const LoadedFacts facts = co_await core.load(call.request, events_of(call, tell), stop);
  co_return dump({{"task", facts.task}, {"cid", facts.cid}, {"labels", facts.labels}});
}

Async<std::string> run(Core& core, Call call, EventListener tell, Stop stop) {
  RunResult result = co_await core.run(call.request, call.inputs, events_of(call, tell), stop);
  result.model_name = call.name;
  co_return result.to_json();
}

/// transformers.js gives the best label alone, unless more are asked for.
bool wants_one_label(const Call& call, std::string_view task) {
  return task == "text-classification" && (!call.has_top_k || call.request.config.top_k == 1);
}

Async<std::string> pipeline(Core& core, Call call, EventListener tell, Stop stop) {
  const std::string task((co_await find_task(call.request.config.task))->name());
  if (wants_one_label(call, task)) call.request.config.top_k = 1;
  RunResult result = co_await core.run(call.request, call.inputs, events_of(call, tell), stop);
  result.model_name = call.name;
  co_return R"({"result":)" + result.to_json() + "," + pipeline_answer(call, task, result.output_json) + "}";
}

}  // namespace

std::string event_json(const std::string& model, const LoadEvent& event) {
  Json json{{"status", event.status}, {"name", model}};
  const auto add = [&](const char* name, const std::string& text) {
    if (!text.empty()) json[name] = text;
  };
  add("file", event.file);
  add("source", event.source);
  add("task", event.task);
  if (!event.file.empty() && event.status != "initiate")
    json.update({{"loaded", event.loaded}, {"total", event.total}});
  if (event.status == "ready") json["model"] = model;
  if (event.status == "progress") {
    const double all = static_cast<double>(event.total);
    json["progress"] = event.total > 0 ? 100 * static_cast<double>(event.loaded) / all : 100.0;
  }
  return dump(json);
}

std::string pipeline_answer(const Call& call, std::string_view task, std::string_view output_json) {
  const Json output = Json::parse(output_json, nullptr, false);
  if (task == "feature-extraction") {
    return R"("dims":)" + dump({output.size(), output.empty() ? 0 : output[0].size()});
  }
  Json answer = output;
  if (wants_one_label(call, task)) {
    answer = Json::array();
    for (const Json& labels : output) answer.push_back(labels.at(0));
  } else if (!call.has_list) {
    answer = output.at(0);
  }
  return R"("answer":)" + dump(answer);
}

Async<std::string> carry_out(Core& core, std::string text, EventListener tell, Stop stop) {
  Call call = co_await read_call(text);
  const std::string method = call.method;
  if (method == "run") co_return co_await run(core, std::move(call), std::move(tell), stop);
  if (method == "pipeline") co_return co_await pipeline(core, std::move(call), std::move(tell), stop);
  if (method == "load") co_return co_await load(core, std::move(call), std::move(tell), stop);
  if (method == "explain") co_return co_await core.explain(call.request, call.inputs, stop);
  if (method == "evaluate") co_return co_await evaluate(core, std::move(call), stop);
  if (method == "devices") co_return co_await core.devices(stop);
  if (method != "unload") co_await fail(ErrorCode::kInvalidArgument, "no method '{}'", method);
  co_await core.unload(call.request, stop);
  co_return "null";
}

}  // namespace ipfs_accelerate
