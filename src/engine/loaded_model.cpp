// Loading weights onto devices, and running padded batches through the plan.
#include "engine/loaded_model.h"

#include <algorithm>
#include <map>
#include <set>

#include "engine/batching.h"
#include "engine/pipeline_run.h"
#include "task/text_batch.h"

namespace ipfs_accelerate {
namespace {

constexpr std::size_t kKeptShapes = 8;  // each holds its own activations

Tensor empty_tensor(const Graph& graph, ValueId id, const ShapeClass& shape) {
  Shape bound = graph.shape_of(id, shape);
  return graph.value(id).dtype == Dtype::kI32 ? Tensor::i32(std::move(bound)) : Tensor::f32(std::move(bound));
}

Result<PoolMode> pool_mode(const std::string& name) {
  if (name == "mean") return PoolMode::kMean;
  if (name == "cls") return PoolMode::kCls;
  if (name == "max") return PoolMode::kMax;
  if (name == "last_token") return PoolMode::kLastToken;
  return fail(ErrorCode::kInvalidArgument, "pooling '{}' is none of mean, cls, max, last_token", name);
}

/// Values by name as they pass from one segment to the next.
using Values = std::map<std::string, Tensor>;

Result<std::vector<TensorRef>> inputs_of(const Graph& graph, const Values& values) {
  std::vector<TensorRef> inputs;
  for (const ValueId id : graph.inputs) {
    const auto found = values.find(graph.value(id).name);
    if (found == values.end()) return fail(ErrorCode::kInternal, "nothing computes the value {}", graph.value(id).name);
    inputs.push_back({found->second.dtype, found->second.bytes});
  }
  return inputs;
}

}  // namespace

TaskOptions task_options(const Config& config, Stop stop) {
  TaskOptions options;
  options.stop = std::move(stop);
  options.truncation = config.truncation;
  options.top_k = config.top_k;
  return options;
}

LoadOptions load_options(const Config& config) { return {config.precision, config.threads}; }

Result<PipelineOptions> pipeline_options(const Request& request) {
  PipelineOptions options;
  options.task = request.config.task;
  options.hidden_states = request.hidden_states;
  options.all_tokens = request.all_tokens;
  options.normalize = request.normalize;
  if (!request.pooling.empty()) {
    IA_ASSIGN(options.pool, pool_mode(request.pooling));
  }
  return options;
}

Plan plan_for(const Graph& graph, const Choice& choice, const LoadOptions& options) {
  return make_plan(graph, choice.preferred->device().platform, [&](const Graph& whole, const Node& node) {
    return choice.preferred->declines(whole, node, options);
  });
}

Backend& LoadedModel::backend_of(const Segment& segment) const {
  return segment.platform == "cpu" ? *choice_.cpu : *choice_.preferred;
}

Async<std::shared_ptr<LoadedModel>> LoadedModel::load(host::Host& host, ModelSource source, Request request,
                                                      Choice choice, LoadListener listener, Stop stop) {
  const LoadOptions options = load_options(request.config);
  const PipelineOptions wanted = co_await pipeline_options(request);
  Pipeline pipeline = co_await Pipeline::open(source.files, source.index.table(), wanted);
  std::shared_ptr<LoadedModel> model(new LoadedModel(host, std::move(pipeline), std::move(source), std::move(choice)));
  model->options_ = options;
  model->plan_ = plan_for(model->pipeline_.graph(), model->choice_, options);
  co_await model->load_programs(options, listener, stop);
  co_return model;
}

Async<> LoadedModel::load_programs(LoadOptions options, LoadListener listener, Stop stop) {
  // Segments share the weights of the whole graph by number: one pass over the files serves all.
  std::map<WeightId, std::vector<Program*>> users;
  for (const Segment& segment : plan_.segments) {
    programs_.push_back(co_await backend_of(segment).load(segment.graph, options, stop));
    for (const WeightId id : used_weights(segment.graph)) users[id].push_back(programs_.back().get());
  }
  std::vector<WeightId> all;
  for (const auto& [id, programs] : users) all.push_back(id);
  const Graph& graph = pipeline_.graph();
  const TakeWeight take = [&](WeightId id, std::vector<WeightPart> parts) -> Async<> {
    for (Program* const program : users.at(id)) {
      co_await doing("loading weight " + graph.weight(id).name, program->upload(id, parts, stop));
    }
  };
  co_await read_weights(source_, host_.compute, graph, all, take, std::move(listener), stop);
}

Async<LoadedModel::Compiled*> LoadedModel::compiled(ShapeClass shape, Stop stop) {
  const auto found = std::ranges::find(cache_, shape, &Compiled::shape);
  if (found != cache_.end()) {
    cache_.splice(cache_.begin(), cache_, found);
    co_return &cache_.front();
  }
  Compiled fresh{shape, {}};
  for (auto& program : programs_) fresh.parts.push_back(co_await program->compile(shape, stop));
  cache_.push_front(std::move(fresh));
  if (cache_.size() > kKeptShapes) cache_.pop_back();
  co_return &cache_.front();
}

Async<LoadedModel::Outputs> LoadedModel::compute(Batch batch, Stop stop) {
  const Graph& whole = pipeline_.graph();
  const ShapeClass real = batch.shape;
  co_await pad_batch(batch, whole, shape_bucket(whole, real));
  Compiled* const executables = co_await compiled(batch.shape, stop);
  Values values;
  for (std::size_t i = 0; i < batch.inputs.size(); ++i) values[batch.input_names[i]] = std::move(batch.inputs[i]);
  for (std::size_t s = 0; s < plan_.segments.size(); ++s) {
    const Graph& graph = plan_.segments[s].graph;
    std::vector<TensorRef> inputs = co_await inputs_of(graph, values);
    std::vector<Tensor> results;
    for (const ValueId id : graph.outputs) results.push_back(empty_tensor(graph, id, batch.shape));
    std::vector<MutableTensorRef> outputs;
    for (Tensor& tensor : results) outputs.push_back({tensor.dtype, tensor.bytes});
    co_await stop.check();
    co_await executables->parts[s]->run(std::move(inputs), std::move(outputs), stop);
    for (std::size_t i = 0; i < results.size(); ++i) values[graph.value(graph.outputs[i]).name] = std::move(results[i]);
  }
  Outputs outputs;
  for (const ValueId id : whole.outputs) {
    const std::string& name = whole.value(id).name;
    outputs.emplace_back(name, co_await crop_output(std::move(values.at(name)), whole.shape_of(id, real)));
  }
  co_return outputs;
}

Async<LoadedModel::Outputs> LoadedModel::evaluate(Given given, Stop stop) {
  const Turns::Turn turn = co_await runs_.take(stop);
  if (!given.tensors.empty()) {
    if (!given.encodings.empty()) co_await fail(ErrorCode::kInvalidArgument, "give 'encodings' or 'tensors', not both");
    Batch tensors = co_await named_batch(pipeline_.graph(), std::move(given.tensors));
    co_return co_await compute(co_await pipeline_.fit(std::move(tensors)), stop);
  }
  std::vector<Encoding> items;
  for (EncodedItem& item : given.encodings) {
    Encoding encoding;
    encoding.ids = std::move(item.ids);
    encoding.type_ids = std::move(item.type_ids);
    encoding.attention_mask = std::move(item.attention_mask);
    items.push_back(std::move(encoding));
  }
  Batch batch = co_await encoded_batch(pipeline_.facts(), items);
  co_return co_await compute(co_await pipeline_.fit(std::move(batch)), stop);
}

Result<std::pair<Memory, Memory>> LoadedModel::memory_of_last_run() const {
  Memory predicted, taken;
  for (std::size_t i = 0; i < plan_.segments.size(); ++i) {
    const Segment& segment = plan_.segments[i];
    IA_ASSIGN(const Memory one, backend_of(segment).predict(segment.graph, cache_.front().shape, options_));
    predicted.weights += one.weights;
    predicted.activations += one.activations;
    taken.weights += programs_[i]->weight_bytes();
    taken.activations += cache_.front().parts[i]->memory_bytes();
  }
  return std::pair(predicted, taken);
}

Result<std::vector<std::vector<std::int32_t>>> LoadedModel::tokenize(const std::vector<Content>& texts,
                                                                     Stop stop) const {
  const PipelineRun run(pipeline_, {.stop = std::move(stop)});
  IA_ASSIGN(const Tokenizer* const tokenizer, run.tokenizer());
  IA_ASSIGN(const auto encodings, encode_texts(run.facts(), *tokenizer, texts, run.options()));
  std::vector<std::vector<std::int32_t>> ids;
  for (const Encoding& encoding : encodings) ids.push_back(encoding.ids);
  return ids;
}

const DeviceInfo& LoadedModel::device() const {
  std::size_t preferred = 0, cpu = 0;
  for (const Segment& segment : plan_.segments) {
    (segment.platform == "cpu" ? cpu : preferred) += segment.graph.nodes.size();
  }
  return preferred >= cpu && preferred > 0 ? choice_.preferred->device() : choice_.cpu->device();
}

int LoadedModel::precision() const {
  int bits = 32;
  for (std::size_t i = 0; i < programs_.size(); ++i) {
    if (plan_.segments[i].platform == device().platform) bits = programs_[i]->precision();
  }
  return bits;
}

std::vector<SegmentReport> LoadedModel::segments() const {
  std::vector<SegmentReport> all;
  for (const Segment& segment : plan_.segments) {
    all.push_back({segment.platform, static_cast<int>(segment.graph.nodes.size()), segment.reason});
  }
  return all;
}

std::int64_t LoadedModel::device_bytes() const {
  std::int64_t bytes = 0;
  const auto has_own_memory = [&](std::size_t i) {
    const DeviceInfo& device = backend_of(plan_.segments[i]).device();
    return device.platform != "cpu" && device.is_real_hardware;
  };
  for (std::size_t i = 0; i < programs_.size(); ++i) {
    if (!has_own_memory(i)) continue;
    bytes += programs_[i]->weight_bytes();
    for (const Compiled& compiled : cache_) bytes += compiled.parts[i]->memory_bytes();
  }
  return bytes;
}

std::vector<std::string> LoadedModel::optimizations() const {
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

}  // namespace ipfs_accelerate
