// A model for the page: small files and safetensors headers in, plan, tensors and results out.
#include "pipeline/pipeline.h"

#include "abi.h"
#include "backend/webgpu/recording.h"
#include "backend/webnn/lowering.h"
#include "capabilities.h"

namespace ipfs_accelerate::wasm {
namespace {

/// A model being opened, then open.
struct Session {
  ModelFiles files;
  WeightIndex weights;
  std::optional<Pipeline> pipeline;
  Plan plan;
};
Handles<Session>& sessions() {
  static Handles<Session> kept;
  return kept;
}
Handles<Batch>& batches() {
  static Handles<Batch> kept;
  return kept;
}

Result<Session*> open_session(int handle) {
  IA_ASSIGN(auto* session, sessions().find(handle));
  if (!session->pipeline) return fail(ErrorCode::kInvalidArgument, "the model is not open yet");
  return session;
}

Result<PoolMode> pool_mode(const std::string& name) {
  if (name == "mean") return PoolMode::kMean;
  if (name == "cls") return PoolMode::kCls;
  if (name == "max") return PoolMode::kMax;
  if (name == "last_token") return PoolMode::kLastToken;
  return fail(ErrorCode::kInvalidArgument, "pooling '{}' is none of mean, cls, max, last_token", name);
}

Result<PipelineOptions> pipeline_options(const Json& json) {
  PipelineOptions options;
  options.task = text_field(json, "task");
  options.hidden_states = bool_field(json, "hidden_states", false);
  options.all_tokens = bool_field(json, "all_tokens", false);
  if (auto pool = text_field(json, "pooling"); !pool.empty()) {
    IA_ASSIGN(options.pool, pool_mode(pool));
  }
  if (json.contains("normalize")) options.normalize = bool_field(json, "normalize", false);
  return options;
}

/// Where every weight of the graph lies: [{name, shape, parts: [{dtype, shape, file, begin, end}]}] by WeightId.
Result<Json> weights_json(const Session& session) {
  auto list = Json::array();
  for (const auto& weight : session.pipeline->graph().weights) {
    auto parts = Json::array();
    for (const auto& name : weight.parts) {
      auto found = session.weights.tensors().find(name);
      if (found == session.weights.tensors().end()) return fail(ErrorCode::kMissingWeight, "no tensor {}", name);
      const auto& at = found->second;
      parts.push_back({{"name", name},
                       {"dtype", dtype_name(at.info.dtype)},
                       {"shape", at.info.shape},
                       {"file", at.file},
                       {"begin", at.begin},
                       {"end", at.end}});
    }
    list.push_back({{"name", weight.name}, {"shape", weight.shape}, {"parts", std::move(parts)}});
  }
  return list;
}

Result<Json> open(Session& session, const Json& json) {
  IA_ASSIGN(auto options, pipeline_options(json));
  IA_ASSIGN(session.pipeline, Pipeline::open(session.files, session.weights.table(), options));
  const auto& facts = session.pipeline->facts();
  IA_ASSIGN(auto weights, weights_json(session));
  return Json{{"task", session.pipeline->task().name()},
              {"architecture", facts.architecture},
              {"model_type", facts.model_type},
              {"hidden", facts.hidden},
              {"max_tokens", facts.max_tokens},
              {"pad_id", facts.pad_id},
              {"positions_after_pad", facts.positions == PositionRule::kAfterPadId},
              {"has_tokenizer", session.pipeline->tokenizer() != nullptr},
              {"labels", facts.labels},
              {"weights", std::move(weights)}};
}

/// Who declines a node, for the platform of a plan request.
Result<Declines> declines_for(const Json& json) {
  auto platform = text_field(json, "platform");
  auto options = load_options(json);
  if (platform == "cpu") return Declines([](const Graph&, const Node&) { return std::string(); });
  if (platform == "webgpu") {
    auto found = json.find("capabilities");
    auto capabilities = read_capabilities(found == json.end() ? Json::object() : *found);
    return Declines(
        [=](const Graph& graph, const Node& node) { return webgpu::declines(graph, node, capabilities, options); });
  }
  if (platform == "webnn") {
    auto limits = json.contains("limits") ? json["limits"].dump() : std::string("{}");
    return Declines(
        [=](const Graph& graph, const Node& node) { return webnn::declines(graph, node, limits, options); });
  }
  return fail(ErrorCode::kUnknownPlatform, "platform '{}' is none of webgpu, webnn, cpu", platform);
}

Result<Json> plan(Session& session, const Json& json) {
  IA_ASSIGN(auto declines, declines_for(json));
  session.plan = make_plan(session.pipeline->graph(), text_field(json, "platform"), declines);
  auto segments = Json::array();
  for (const auto& segment : session.plan.segments) {
    auto entry = graph_json(segment.graph);
    entry["platform"] = segment.platform;
    entry["reason"] = segment.reason;
    entry["graph"] = graphs().keep(std::make_unique<Graph>(segment.graph));
    segments.push_back(std::move(entry));
  }
  auto outputs = Json::array();
  for (auto id : session.pipeline->graph().outputs) outputs.push_back(session.pipeline->graph().values[id].name);
  return Json{{"segments", std::move(segments)}, {"outputs", std::move(outputs)}};
}

TaskOptions task_options(const Json& json) {
  TaskOptions options;
  options.truncation = bool_field(json, "truncation", true);
  options.top_k = static_cast<std::int32_t>(int_field(json, "top_k", 5));
  options.max_tokens = static_cast<std::int32_t>(int_field(json, "max_tokens", 0));
  return options;
}

Result<std::vector<TextInput>> text_inputs(const Json& json) {
  auto list = json.find("items");
  if (list == json.end() || !list->is_array() || list->empty()) {
    return fail(ErrorCode::kInvalidArgument, "no text is given");
  }
  std::vector<TextInput> items;
  for (const auto& item : *list) {
    auto text = item.find("text");
    if (text == item.end() || !text->is_string()) {
      return fail(ErrorCode::kInvalidArgument, "item {} of the input is no text", items.size());
    }
    TextInput input{text->get<std::string>(), std::nullopt};
    if (auto pair = item.find("pair"); pair != item.end() && pair->is_string()) input.pair = pair->get<std::string>();
    items.push_back(std::move(input));
  }
  return items;
}

std::vector<std::int32_t> numbers(const Json& object, std::string_view key) {
  std::vector<std::int32_t> values;
  auto found = object.find(key);
  if (found == object.end() || !found->is_array()) return values;
  for (const auto& value : *found) values.push_back(value.is_number() ? value.get<std::int32_t>() : -1);
  return values;
}

/// From texts, or from token ids when `encodings` are given.
Result<Batch> make_batch(const Pipeline& pipeline, const Json& json) {
  auto list = json.find("encodings");
  if (list == json.end() || !list->is_array()) {
    IA_ASSIGN(auto items, text_inputs(json));
    return pipeline.prepare(items, task_options(json));
  }
  std::vector<Encoding> encodings;
  for (const auto& item : *list) {
    Encoding encoding;
    encoding.ids = numbers(item, "ids");
    encoding.type_ids = numbers(item, "type_ids");
    encoding.attention_mask = numbers(item, "attention_mask");
    encodings.push_back(std::move(encoding));
  }
  return pipeline.prepare_encoded(std::move(encodings));
}

Result<Json> prepare(const Session& session, const Json& json) {
  IA_ASSIGN(auto made, make_batch(*session.pipeline, json));
  auto batch = std::make_unique<Batch>(std::move(made));
  auto inputs = Json::array();
  for (std::size_t i = 0; i < batch->inputs.size(); ++i) {
    const auto& tensor = batch->inputs[i];
    inputs.push_back({{"name", batch->input_names[i]},
                      {"dtype", dtype_name(tensor.dtype)},
                      {"shape", tensor.shape},
                      {"pointer", reinterpret_cast<std::uintptr_t>(tensor.bytes.data())},
                      {"bytes", tensor.bytes.size()}});
  }
  std::int64_t tokens = 0;
  auto ids = Json::array();
  bool want_ids = bool_field(json, "ids", false);
  for (const auto& encoding : batch->encodings) {
    for (auto mask : encoding.attention_mask) tokens += mask;
    if (want_ids) ids.push_back(encoding.ids);
  }
  Json result{{"shape", shape_json(batch->shape)}, {"inputs", std::move(inputs)}, {"tokens", tokens}};
  if (want_ids) result["ids"] = std::move(ids);
  result["batch"] = batches().keep(std::move(batch));
  return result;
}

Result<Json> finish(const Session& session, const Json& json) {
  IA_ASSIGN(const auto* batch, batches().find(static_cast<int>(int_field(json, "batch", 0))));
  Tensor output;
  for (const auto& dim : json.value("shape", Json::array()))
    output.shape.push_back(dim.is_number() ? dim.get<std::int64_t>() : -1);
  IA_ASSIGN(auto elements, element_count(output.shape));
  auto bytes = static_cast<std::size_t>(int_field(json, "bytes", 0));
  if (bytes != static_cast<std::size_t>(elements) * 4) {
    return fail(ErrorCode::kInvalidArgument, "an output {} has {} bytes", shape_text(output.shape), bytes);
  }
  auto* begin = reinterpret_cast<const std::uint8_t*>(static_cast<std::uintptr_t>(int_field(json, "pointer", 0)));
  output.bytes.assign(begin, begin + bytes);
  IA_ASSIGN(auto values, session.pipeline->finish(*batch, output, task_options(json)));
  return Json(std::move(values));
}

}  // namespace
}  // namespace ipfs_accelerate::wasm

using namespace ipfs_accelerate;
using namespace ipfs_accelerate::wasm;

/// ["config.json", ...]: the small files a model may have.
IA_EXPORT int ia_wanted_files() { return answer(Json(wanted_files())); }

/// File names in a model.safetensors.index.json.
IA_EXPORT int ia_sharded_files(const char* text, std::size_t size) {
  return answer(sharded_file_names({text, size}).transform([](const auto& names) { return Json(names); }));
}

/// Bytes of header a safetensors file has, from its first 8 bytes.
IA_EXPORT int ia_safetensors_header(const std::uint8_t* first8, std::size_t size) {
  return answer(
      WeightIndex::safetensors_header_bytes({first8, size}).transform([](auto bytes) { return Json(bytes); }));
}

IA_EXPORT int ia_session_new() { return sessions().keep(std::make_unique<Session>()); }
IA_EXPORT void ia_session_free(int handle) { sessions().drop(handle); }

/// Hands over one small file of the model folder.
IA_EXPORT int ia_session_file(int handle, const char* name, std::size_t name_size, const char* text, std::size_t size) {
  return answer(sessions().find(handle).transform([&](Session* session) {
    session->files[std::string(name, name_size)] = std::string(text, size);
    return Json::object();
  }));
}

/// Hands over the header of the weight file with number `file`.
IA_EXPORT int ia_session_weights(int handle, int file, double file_size, const std::uint8_t* header, std::size_t size) {
  return answer(sessions().find(handle).and_then([&](Session* session) -> Result<Json> {
    IA_TRY(session->weights.add_safetensors({header, size}, static_cast<std::uint64_t>(file_size),
                                            static_cast<std::size_t>(file)));
    return Json::object();
  }));
}

/// Options {task, pooling, normalize, hidden_states, all_tokens} -> facts of the model and where its weights lie.
IA_EXPORT int ia_session_open(int handle, const char* text, std::size_t size) {
  return answer(sessions().find(handle).and_then([&](Session* session) {
    return parse_object(text, size).and_then([&](const Json& json) { return open(*session, json); });
  }));
}

/// {platform, precision, capabilities | limits} -> {segments: [{platform, reason, graph, inputs, outputs, weights}]}.
/// Each segment's graph is a handle for ia_graph_free.
IA_EXPORT int ia_session_plan(int handle, const char* text, std::size_t size) {
  return answer(open_session(handle).and_then([&](Session* session) {
    return parse_object(text, size).and_then([&](const Json& json) { return plan(*session, json); });
  }));
}

/// {batch, sequence, rows, precision} -> the plan dump. No weight is read.
IA_EXPORT int ia_session_explain(int handle, const char* text, std::size_t size) {
  return answer(open_session(handle).and_then([&](Session* session) {
    return parse_object(text, size).and_then([&](const Json& json) -> Result<Json> {
      IA_ASSIGN(auto shape, shape_field(json));
      return session->pipeline->explain(session->plan, shape, session->weights.table(), load_options(json).precision);
    });
  }));
}

/// {items: [{text, pair}], truncation, max_tokens, ids} -> {batch, shape, inputs: [{name, dtype, shape, pointer,
/// bytes}], tokens}. The tensors live until ia_batch_free.
IA_EXPORT int ia_session_prepare(int handle, const char* text, std::size_t size) {
  return answer(open_session(handle).and_then([&](Session* session) {
    return parse_object(text, size).and_then([&](const Json& json) { return prepare(*session, json); });
  }));
}

/// {batch, pointer, bytes, shape, top_k} of the main output -> one JSON value per item.
IA_EXPORT int ia_session_finish(int handle, const char* text, std::size_t size) {
  return answer(open_session(handle).and_then([&](Session* session) {
    return parse_object(text, size).and_then([&](const Json& json) { return finish(*session, json); });
  }));
}

IA_EXPORT void ia_batch_free(int handle) { batches().drop(handle); }
IA_EXPORT void ia_graph_free(int handle) { graphs().drop(handle); }
