// A session: loading weights segment by segment, and running padded batches through the segments.
#include "engine/session.h"

#include <algorithm>
#include <map>
#include <set>

#include "engine/batching.h"

namespace ipfs_accelerate {
namespace {

constexpr std::size_t kKeptShapes = 8;  // each holds its own activations

Plan plan_for(const Graph& graph, const Choice& choice, const LoadOptions& options) {
  return make_plan(graph, choice.preferred->device().platform, [&](const Graph& whole, const Node& node) {
    return choice.preferred->declines(whole, node, options);
  });
}

bool has_feature(const DeviceInfo& device, std::string_view name) {
  return std::ranges::find(device.features, name) != device.features.end();
}

Tensor empty_tensor(const Value& value, const ShapeClass& shape) {
  Shape bound = bind(value.dims, shape);
  return value.dtype == Dtype::kI32 ? Tensor::i32(std::move(bound)) : Tensor::f32(std::move(bound));
}

PipelineOptions pipeline_options(const Config& config) {
  PipelineOptions options;
  options.task = config.task;
  return options;
}

}  // namespace

TaskOptions task_options(const Config& config) {
  TaskOptions options;
  options.truncation = config.truncation;
  options.top_k = config.top_k;
  return options;
}

LoadOptions load_options(const Config& config) { return {config.precision, config.threads}; }

Result<std::unique_ptr<Session>> Session::load(ModelSource source, const Config& config, const Choice& choice) {
  const LoadOptions options = load_options(config);
  IA_ASSIGN(Pipeline pipeline, Pipeline::open(source.files, source.index.table(), pipeline_options(config)));
  std::unique_ptr<Session> session(new Session(std::move(pipeline)));
  session->source_ = std::move(source);
  session->device_ = choice.preferred->device();
  session->precision_ = config.precision == 16 && has_feature(session->device_, "shader-f16") ? 16 : 32;
  session->plan_ = plan_for(session->pipeline_.graph(), choice, options);
  for (const Segment& segment : session->plan_.segments) {
    Backend& backend = segment.platform == "cpu" ? *choice.cpu : *choice.preferred;
    IA_TRY(session->load_segment(segment, backend, options));
  }
  return session;
}

Result<> Session::load_segment(const Segment& segment, Backend& backend, const LoadOptions& options) {
  IA_ASSIGN(auto program, backend.load(segment.graph, options));
  std::set<WeightId> done;
  for (const Node& node : segment.graph.nodes) {
    for (const WeightId id : weights_of(node)) {
      if (!done.insert(id).second) continue;
      std::vector<WeightPart> parts;
      for (const std::string& name : segment.graph.weights[id].parts) {
        IA_ASSIGN(WeightPart part, source_.part(name));
        parts.push_back(std::move(part));
      }
      auto uploaded = program->upload(id, parts);
      if (!uploaded) return while_doing(uploaded.error(), "loading weight {}", segment.graph.weights[id].name);
    }
  }
  programs_.push_back(std::move(program));
  return {};
}

Result<Session::Compiled*> Session::compiled(const ShapeClass& shape) {
  const auto found = std::ranges::find(cache_, shape, &Compiled::shape);
  if (found != cache_.end()) {
    cache_.splice(cache_.begin(), cache_, found);
    return &cache_.front();
  }
  Compiled fresh{shape, {}};
  for (auto& program : programs_) {
    IA_ASSIGN(auto executable, program->compile(shape));
    fresh.parts.push_back(std::move(executable));
  }
  cache_.push_front(std::move(fresh));
  if (cache_.size() > kKeptShapes) cache_.pop_back();
  return &cache_.front();
}

Result<Tensor> Session::compute(const Batch& batch) {
  IA_ASSIGN(Compiled * executables, compiled(batch.shape));
  std::map<std::string, Tensor> values;
  for (std::size_t i = 0; i < batch.inputs.size(); ++i) values[batch.input_names[i]] = batch.inputs[i];
  for (std::size_t s = 0; s < plan_.segments.size(); ++s) {
    const Graph& graph = plan_.segments[s].graph;
    std::vector<TensorRef> inputs;
    for (const ValueId id : graph.inputs) {
      const auto found = values.find(graph.values[id].name);
      if (found == values.end())
        return fail(ErrorCode::kInternal, "nothing computes the value {}", graph.values[id].name);
      inputs.push_back({found->second.dtype, found->second.bytes});
    }
    std::vector<Tensor> results;
    for (const ValueId id : graph.outputs) results.push_back(empty_tensor(graph.values[id], batch.shape));
    std::vector<MutableTensorRef> outputs;
    for (Tensor& tensor : results) outputs.push_back({tensor.dtype, tensor.bytes});
    IA_TRY(executables->parts[s]->run(inputs, outputs));
    for (std::size_t i = 0; i < results.size(); ++i)
      values[graph.values[graph.outputs[i]].name] = std::move(results[i]);
  }
  const Graph& whole = pipeline_.graph();
  return std::move(values.at(whole.values[whole.outputs.front()].name));
}

Result<std::vector<nlohmann::json>> Session::run_batch(const std::vector<TextInput>& items,
                                                       const TaskOptions& options) {
  IA_ASSIGN(Batch batch, pipeline_.prepare(items, options));
  const ShapeClass real = batch.shape;
  IA_TRY(pad_batch(batch, shape_bucket(real, pipeline_.facts().max_tokens), pipeline_.facts()));
  IA_ASSIGN(Tensor output, compute(batch));
  const Graph& graph = pipeline_.graph();
  const Value& value = graph.values[graph.outputs.front()];
  IA_ASSIGN(Tensor cropped, crop_output(std::move(output), value.dims, batch.shape, real));
  batch.shape = real;
  return pipeline_.finish(batch, cropped, options);
}

Result<std::vector<nlohmann::json>> Session::run(const std::vector<Input>& inputs, const Config& config) {
  const TaskOptions options = task_options(config);
  const auto batches = length_sorted_batches(inputs, static_cast<std::size_t>(config.batch_size));
  sorted_ = batches.size() > 1;
  std::vector<nlohmann::json> results(inputs.size());
  for (const auto& batch : batches) {
    std::vector<TextInput> items;
    for (const std::size_t i : batch) items.push_back({inputs[i].text, inputs[i].pair});
    IA_ASSIGN(auto answers, run_batch(items, options));
    if (answers.size() != batch.size())
      return fail(ErrorCode::kInternal, "{} answers for {} inputs", answers.size(), batch.size());
    for (std::size_t i = 0; i < batch.size(); ++i) results[batch[i]] = std::move(answers[i]);
  }
  return results;
}

std::int64_t Session::device_bytes() const {
  std::int64_t bytes = 0;
  for (const auto& program : programs_) bytes += program->weight_bytes();
  for (const Compiled& compiled : cache_) {
    for (const auto& part : compiled.parts) bytes += part->memory_bytes();
  }
  return bytes;
}

std::vector<std::string> Session::optimizations() const {
  std::vector<std::string> all;
  const auto add = [&](std::string text) {
    if (std::ranges::find(all, text) == all.end()) all.push_back(std::move(text));
  };
  for (const auto& program : programs_) {
    for (std::string& text : program->optimizations()) add(std::move(text));
  }
  if (sorted_) add("batches sorted by length");
  return all;
}

Result<nlohmann::ordered_json> explain_model(const ModelSource& source, const std::vector<Input>& inputs,
                                             const Config& config, const Choice& choice) {
  const TensorTable table = source.index.table();
  IA_ASSIGN(const Pipeline pipeline, Pipeline::open(source.files, table, pipeline_options(config)));
  ShapeClass shape{1, pipeline.facts().max_tokens, 1};
  if (!inputs.empty()) {
    std::vector<TextInput> items;
    for (const Input& input : inputs) items.push_back({input.text, input.pair});
    IA_ASSIGN(const Batch batch, pipeline.prepare(items, task_options(config)));
    shape = shape_bucket(batch.shape, pipeline.facts().max_tokens);
  }
  const Plan plan = plan_for(pipeline.graph(), choice, load_options(config));
  nlohmann::ordered_json json = pipeline.explain(plan, shape, table, config.precision);
  json["device"] = adapter_text(choice.preferred->device());
  json["reason"] = choice.reason;
  if (!choice.fallback.empty()) json["fallback"] = choice.fallback;
  return json;
}

}  // namespace ipfs_accelerate
