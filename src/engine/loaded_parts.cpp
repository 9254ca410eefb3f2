// Programs, states and executables of a model's parts; running padded batches through the plan.
#include "engine/loaded_parts.h"

#include <algorithm>
#include <set>

#include "engine/batching.h"

namespace ipfs_accelerate {
namespace {

constexpr std::size_t kKeptShapes = 12;  // each holds its own activations

/// Values by name as they pass from one segment to the next.
using Values = std::map<std::string, Tensor, std::less<>>;

Tensor empty_tensor(const Graph& graph, ValueId id, const ShapeClass& shape) {
  Shape bound = graph.shape_of(id, shape);
  return graph.value(id).dtype == Dtype::kI32 ? Tensor::i32(std::move(bound)) : Tensor::f32(std::move(bound));
}

Result<std::vector<TensorRef>> inputs_of(const Graph& graph, const Values& values) {
  std::vector<TensorRef> inputs;
  for (const ValueId id : graph.inputs) {
    const auto found = values.find(graph.value(id).name);
    if (found == values.end()) return fail(ErrorCode::kInternal, "nothing computes the value {}", graph.value(id).name);
    inputs.push_back({found->second.dtype, found->second.bytes});
  }
  return inputs;
}

/// Names of what must be read of a part's segments: what is wanted, and what later segments read.
std::set<std::string, std::less<>> read_names(const std::vector<std::shared_ptr<const Graph>>& segments,
                                              const std::vector<std::string>& wanted) {
  std::set<std::string, std::less<>> names(wanted.begin(), wanted.end());
  for (const auto& graph : segments) {
    for (const ValueId id : graph->inputs) names.insert(graph->value(id).name);
  }
  return names;
}

/// What of a segment is compiled for a shape class.
Result<std::shared_ptr<const Graph>> graph_for(const Segment& segment, const ShapeClass& shape) {
  if (shape.absent().empty()) return segment.graph;
  IA_ASSIGN(Graph rest, present(*segment.graph, shape));
  return std::make_shared<const Graph>(std::move(rest));
}

Async<> run_segment(const Graph& graph, Executable& executable, const ShapeClass& shape,
                    const std::set<std::string, std::less<>>& names, Values& values, Stop stop) {
  std::vector<TensorRef> inputs = co_await inputs_of(graph, values);
  std::vector<Tensor> results;
  std::vector<MutableTensorRef> outputs;
  for (const ValueId id : graph.outputs) {
    results.push_back(names.contains(graph.value(id).name) ? empty_tensor(graph, id, shape) : Tensor());
    outputs.push_back({graph.value(id).dtype, results.back().bytes});
  }
  for (std::size_t i = 0; i < results.size(); ++i) outputs[i].bytes = results[i].bytes;
  co_await stop.check();
  co_await executable.run(std::move(inputs), std::move(outputs), stop);
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!results[i].bytes.empty()) values[graph.value(graph.outputs[i]).name] = std::move(results[i]);
  }
}

/// The symbols that say how many pages states have.
std::set<std::string> page_symbols(const Graph& graph) {
  std::set<std::string> names;
  for (const State& state : graph.states) names.insert(graph.symbol(graph.value(state.first).dims[0].symbol).name);
  return names;
}

Backend& backend_of(const Choice& choice, std::string_view platform) {
  return platform == "cpu" ? *choice.cpu : *choice.preferred;
}

}  // namespace

Plan plan_for(const std::vector<Part>& parts, const Choice& choice, const LoadOptions& options) {
  return make_plan(parts, choice.preferred->device().platform, [&](const Graph& whole, const Node& node) {
    return choice.preferred->declines(whole, node, options);
  });
}

Result<Memory> predict(const Plan& plan, const ShapeClass& shape, const Choice& choice, const LoadOptions& options) {
  Memory memory;
  std::set<std::string> platforms;
  for (const Segment& segment : plan.segments) {
    const Backend& backend = backend_of(choice, segment.platform);
    IA_ASSIGN(const auto graph, graph_for(segment, shape));
    IA_ASSIGN(const Memory own, backend.predict(*graph, shape, options));
    if (!segment.on_demand) memory.activations += own.activations;
    if (!platforms.insert(segment.platform).second) continue;
    IA_ASSIGN(const Memory all, backend.predict(*plan.on(segment.platform), shape, options));
    memory.weights += all.weights;
    memory.states += all.states;
  }
  return memory;
}

Backend& LoadedParts::backend_of(std::string_view platform) const {
  return ipfs_accelerate::backend_of(choice_, platform);
}

Async<std::unique_ptr<LoadedParts>> LoadedParts::open(std::vector<Part> parts, Choice choice, LoadOptions options,
                                                      Stop stop) {
  std::unique_ptr<LoadedParts> made(new LoadedParts(std::move(parts), std::move(choice), options));
  for (const Segment& segment : made->plan_.segments) {
    if (made->programs_.contains(segment.platform)) continue;
    OnDevice device{made->plan_.on(segment.platform), nullptr};
    device.program = co_await made->backend_of(segment.platform).load(*device.graph, options, stop);
    made->programs_.emplace(segment.platform, std::move(device));
  }
  co_return made;
}

Result<const Graph*> LoadedParts::graph(std::string_view part) const {
  const auto found = std::ranges::find(parts_, part, &Part::name);
  if (found == parts_.end()) return fail(ErrorCode::kInternal, "the model has no part '{}'", part);
  return &found->graph;
}

std::vector<WeightId> LoadedParts::weights() const {
  std::set<WeightId> ids;
  for (const auto& [platform, device] : programs_) ids.insert_range(used_weights(*device.graph));
  return {ids.begin(), ids.end()};
}

Async<> LoadedParts::upload(WeightId id, std::vector<WeightPart> parts, Stop stop) {
  for (const auto& [platform, device] : programs_) {
    if (!std::ranges::contains(used_weights(*device.graph), id)) continue;
    co_await doing("loading weight " + device.graph->weight(id).name, device.program->upload(id, parts, stop));
  }
}

Async<> LoadedParts::reserve_states(ShapeClass pages, Stop stop) {
  bool grows = false;
  ShapeClass sizes = pages_;
  for (const std::string& name : page_symbols(parts_.front().graph)) {
    if (sizes.numbers().contains(name) && sizes.at(name) >= pages.at(name)) continue;
    sizes.set(name, pages.at(name));
    grows = true;
  }
  if (!grows) co_return;
  std::erase_if(cache_, [&](const Compiled& one) { return !used_states(**graph(one.part)).empty(); });
  pages_ = {};
  for (const auto& [platform, device] : programs_) {
    if (!used_states(*device.graph).empty()) co_await device.program->make_states(sizes, stop);
  }
  pages_ = sizes;
}

ShapeClass LoadedParts::compiled_shape(const Graph& graph, const ShapeClass& real) const {
  ShapeClass shape = shape_bucket(graph, real);
  for (const auto& [name, number] : pages_.numbers()) shape.set(name, number);
  return shape;
}

Async<LoadedParts::Compiled*> LoadedParts::compiled(std::string part, ShapeClass shape, Stop stop) {
  const auto same = [&](const Compiled& one) { return one.part == part && one.shape == shape; };
  const auto found = std::ranges::find_if(cache_, same);
  if (found != cache_.end()) {
    cache_.splice(cache_.begin(), cache_, found);
    co_return &cache_.front();
  }
  Compiled fresh{part, shape, {}, {}};
  for (const Segment* segment : plan_.of_part(part)) {
    Program& program = *programs_.at(segment->platform).program;
    fresh.graphs.push_back(co_await graph_for(*segment, shape));
    fresh.segments.push_back(co_await program.compile(shape, stop, fresh.graphs.back()));
  }
  cache_.push_front(std::move(fresh));
  if (cache_.size() > kKeptShapes) cache_.pop_back();
  co_return &cache_.front();
}

Async<std::vector<NamedTensor>> LoadedParts::compute(std::string part, Batch batch, std::vector<std::string> wanted,
                                                     Stop stop) {
  const Graph& whole = *co_await graph(part);
  batch = co_await fit_batch(whole, std::move(batch));
  const ShapeClass real = batch.shape, shape = compiled_shape(whole, real);
  co_await pad_batch(batch, whole, shape);
  Compiled* const executables = co_await compiled(part, shape, stop);
  Values values;
  for (auto& [name, tensor] : batch.inputs) values[name] = std::move(tensor);
  const auto names = read_names(executables->graphs, wanted);
  for (std::size_t s = 0; s < executables->graphs.size(); ++s) {
    co_await run_segment(*executables->graphs[s], *executables->segments[s], shape, names, values, stop);
  }
  std::vector<NamedTensor> outputs;
  for (const std::string& name : wanted) {
    const ValueId id = whole.find(name);
    const auto found = values.find(name);
    if (!id || !std::ranges::contains(whole.outputs, id) || found == values.end()) {
      co_await fail(ErrorCode::kInternal, "the part '{}' has no output '{}'", part, name);
    }
    outputs.emplace_back(name, co_await crop_output(std::move(found->second), whole.shape_of(id, real)));
  }
  co_return outputs;
}

Result<std::pair<Memory, Memory>> LoadedParts::memory() const {
  Memory predicted, taken;
  ShapeClass shape;  // weights and states do not depend on it, but it must be one that the graph takes
  for (const Compiled& one : cache_) {
    for (const auto& [name, number] : one.shape.numbers()) shape.set(name, number);
  }
  for (const auto& [name, number] : pages_.numbers()) shape.set(name, number);
  for (const auto& [platform, device] : programs_) {
    IA_ASSIGN(const Memory all, backend_of(platform).predict(*device.graph, shape, options_));
    predicted.weights += all.weights;
    if (!pages_.numbers().empty()) predicted.states += all.states;
    taken.weights += device.program->weight_bytes();
    taken.states += device.program->state_bytes();
  }
  for (const Compiled& one : cache_) {
    const auto segments = plan_.of_part(one.part);
    for (std::size_t i = 0; i < segments.size(); ++i) {
      const Backend& backend = backend_of(segments[i]->platform);
      IA_ASSIGN(const Memory own, backend.predict(*one.graphs[i], one.shape, options_));
      predicted.activations += own.activations;
      taken.activations += one.segments[i]->memory_bytes();
    }
  }
  return std::pair(predicted, taken);
}

const DeviceInfo& LoadedParts::device() const {
  std::size_t preferred = 0, cpu = 0;
  for (const Segment& segment : plan_.segments) {
    if (!segment.on_demand) (segment.platform == "cpu" ? cpu : preferred) += segment.graph->nodes.size();
  }
  return preferred >= cpu && preferred > 0 ? choice_.preferred->device() : choice_.cpu->device();
}

int LoadedParts::precision() const {
  const auto found = programs_.find(device().platform);
  return found == programs_.end() ? 32 : found->second.program->precision();
}

std::int64_t LoadedParts::device_bytes() const {
  std::int64_t bytes = 0;
  const auto has_own_memory = [&](const std::string& platform) {
    return platform != "cpu" && backend_of(platform).device().is_real_hardware;
  };
  for (const auto& [platform, device] : programs_) {
    if (has_own_memory(platform)) bytes += device.program->weight_bytes() + device.program->state_bytes();
  }
  for (const Compiled& one : cache_) {
    const auto segments = plan_.of_part(one.part);
    for (std::size_t i = 0; i < segments.size(); ++i) {
      if (has_own_memory(segments[i]->platform)) bytes += one.segments[i]->memory_bytes();
    }
  }
  return bytes;
}

std::vector<std::string> LoadedParts::optimizations() const {
  std::vector<std::string> all;
  for (const auto& [platform, device] : programs_) {
    for (std::string& text : device.program->optimizations()) {
      if (!std::ranges::contains(all, text)) all.push_back(std::move(text));
    }
  }
  return all;
}

}  // namespace ipfs_accelerate
