#include "engine/calls.h"

#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "engine/answer_json.h"
#include "engine/json_forms.h"
#include "task/task.h"

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::json;

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json memory_json(const Memory& memory) {
  return {{"weight_bytes", memory.weights}, {"state_bytes", memory.states}, {"activation_bytes", memory.activations}};
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
  const Evaluation evaluation = co_await core.evaluate(call.request, call.given, call.inputs, stop);
  co_return dump({{"outputs", outputs_json(evaluation)},
                  {"ids", evaluation.ids},
                  {"segments", evaluation.segments},
                  {"predicted", memory_json(evaluation.predicted)},
                  {"taken", memory_json(evaluation.taken)}});
}

Listener events_of(const Call& call, const EventListener& tell) {
  if (!tell) return {};
  return [name = call.name, tell](const Event& event) { tell(event_json(name, event)); };
}

Async<std::string> load(Core& core, Call call, EventListener tell, Stop stop) {
  const LoadedFacts facts = co_await core.load(call.request, events_of(call, tell), stop);
  co_return dump({{"task", facts.task},
                  {"answer_kind", answer_kind_name(facts.gives)},
                  {"cid", facts.cid},
                  {"labels", facts.labels},
                  {"takes", facts.takes}});
}

Async<std::string> run(Core& core, Call call, EventListener tell, Stop stop) {
  RunResult result = co_await core.run(call.request, call.inputs, events_of(call, tell), stop);
  result.model_name = call.name;
  co_return result.to_json();
}

/// Whether the best label comes alone.
bool wants_one_label(const Call& call) {
  const auto task = find_task(call.request.config.task);
  return (!task || (*task)->best_label_alone) && (!call.has_top_k || call.request.config.top_k == 1);
}

Async<std::string> pipeline(Core& core, Call call, EventListener tell, Stop stop) {
  const Task* const task = co_await find_task(call.request.config.task);
  if (task->gives == AnswerKind::kLabels && wants_one_label(call)) call.request.config.top_k = 1;
  RunResult result = co_await core.run(call.request, call.inputs, events_of(call, tell), stop);
  result.model_name = call.name;
  co_return R"({"result":)" + result.to_json() + "," + pipeline_answer(call, result.answers) + "}";
}

std::string load_event_json(const std::string& model, const LoadEvent& event) {
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

}  // namespace

std::string event_json(const std::string& model, const Event& event) {
  if (const auto* const load = std::get_if<LoadEvent>(&event)) return load_event_json(model, *load);
  const TextEvent& text = std::get<TextEvent>(event);
  return dump({{"status", "text"}, {"item", text.item}, {"token", text.token}, {"text", text.text}, {"end", text.end}});
}

namespace {

/// transformers.js lists several ways to go on from a prompt, but one answer to a text.
nlohmann::ordered_json generated_json(const Call& call, const std::vector<Answer>& answers) {
  const auto task = find_task(call.request.config.task);
  const bool continues = task && (*task)->continues;
  const bool full = call.return_full_text.value_or(continues);
  auto list = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const auto* const prompt = full && i < call.inputs.size() ? std::get_if<Text>(&call.inputs[i]) : nullptr;
    const nlohmann::ordered_json one = {
        {"generated_text", (prompt ? prompt->text : "") + std::get<GeneratedText>(answers[i]).text}};
    list.push_back(continues && call.has_list ? nlohmann::ordered_json::array({one}) : one);
  }
  return list;
}

}  // namespace

std::string pipeline_answer(const Call& call, const std::vector<Answer>& answers) {
  if (const auto* const first = std::get_if<Embedding>(&answers.at(0))) {
    return R"("dims":)" + dump({answers.size(), first->values.size()});
  }
  if (std::holds_alternative<GeneratedText>(answers[0])) {
    return R"("answer":)" + generated_json(call, answers).dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  const bool one_label = std::holds_alternative<Labels>(answers[0]) && wants_one_label(call);
  nlohmann::ordered_json answer = answers_json(answers);
  if (one_label) {
    for (auto& labels : answer) labels = nlohmann::ordered_json(labels.at(0));
  } else if (!call.has_list) {
    answer = nlohmann::ordered_json(answer.at(0));
  }
  return R"("answer":)" + answer.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Async<std::string> carry_out(Core& core, std::string text, EventListener tell, Stop stop, ReadFile read_file) {
  Call call = co_await read_call(text, read_file);
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
