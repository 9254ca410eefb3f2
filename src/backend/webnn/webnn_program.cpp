// Uploading constants, building graphs, running a batch over one context or several.
#include "backend/webnn/webnn_program.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "backend/check_tensors.h"
#include "backend/pack_weight.h"
#include "backend/webnn/lowering.h"
#include "tensor/format.h"

namespace ipfs_accelerate::webnn {
namespace {

using Json = nlohmann::json;

/// The weights that a lowered graph wants, in the order of its constants.
std::vector<WeightId> weights_in(const std::string& lowered) {
  std::vector<WeightId> ids;
  for (const Json& constant : Json::parse(lowered)["constants"]) {
    if (constant.contains("weight")) ids.push_back({constant["weight"].get<std::int32_t>()});
  }
  return ids;
}

std::int64_t tensor_bytes(const Graph& graph, const ShapeClass& shape) {
  std::int64_t sum = 0;
  for (const auto* list : {&graph.inputs, &graph.outputs}) {
    for (const ValueId id : *list) sum += byte_count(graph.value(id).dtype, graph.shape_of(id, shape)).value_or(0);
  }
  return sum;
}

/// In which weights are constants.
Dtype dtype_of(int precision) { return precision == 16 ? Dtype::kF16 : Dtype::kF32; }

std::int64_t constant_bytes(const Graph& graph, WeightId id, int precision) {
  return byte_count(dtype_of(precision), graph.weight(id).shape).value_or(0);
}

/// Bytes that count as the program's as long as this lives.
class CountedBytes {
 public:
  CountedBytes(std::shared_ptr<std::int64_t> sum, std::int64_t bytes) : sum_(std::move(sum)), bytes_(bytes) {
    *sum_ += bytes_;
  }
  ~CountedBytes() { *sum_ -= bytes_; }
  CountedBytes(const CountedBytes&) = delete;
  CountedBytes& operator=(const CountedBytes&) = delete;

 private:
  std::shared_ptr<std::int64_t> sum_;
  std::int64_t bytes_;
};

/// A built graph and the sequences of the batch that it computes.
struct Share {
  GraphId graph = 0;
  std::int64_t batch = 0;
};

class WebnnExecutable final : public Executable {
 public:
  WebnnExecutable(std::shared_ptr<WebnnDevice> device, std::shared_ptr<const Graph> graph, ShapeClass shape)
      : device_(std::move(device)),
        graph_(std::move(graph)),
        shape_(std::move(shape)),
        memory_bytes_(tensor_bytes(*graph_, shape_)) {}
  ~WebnnExecutable() override {
    for (const Share& share : shares_) device_->port().drop_graph(share.graph);
  }
  void add(Share share, std::int64_t weight_bytes) {
    shares_.push_back(share);
    memory_bytes_ += weight_bytes;
  }

  Async<> run(std::vector<TensorRef> inputs, std::vector<MutableTensorRef> outputs, Stop stop) override {
    co_await stop.check();
    co_await check_tensors(*graph_, shape_, inputs, outputs);
    co_await for_each_limited(shares_.size(), shares_.size(),
                              [&](std::size_t i) { return run_share(i, inputs, outputs); });
  }
  std::int64_t memory_bytes() const override { return memory_bytes_; }

 private:
  Async<> run_share(std::size_t which, const std::vector<TensorRef>& inputs,
                    const std::vector<MutableTensorRef>& outputs) {
    std::int64_t from = 0;
    for (std::size_t i = 0; i < which; ++i) from += shares_[i].batch;
    std::vector<ByteView> in;
    for (const TensorRef& input : inputs) in.push_back(part(input.bytes, from, shares_[which].batch));
    std::vector<std::span<std::uint8_t>> out;
    for (const MutableTensorRef& output : outputs) out.push_back(part(output.bytes, from, shares_[which].batch));
    co_await device_->watch(device_->port().dispatch(shares_[which].graph, std::move(in), std::move(out)));
  }

  /// `batch` sequences from `from`; one share takes all, whatever the value's dimensions are.
  template <class Bytes>
  Bytes part(Bytes bytes, std::int64_t from, std::int64_t batch) const {
    if (shares_.size() == 1) return bytes;
    std::int64_t whole = 0;
    for (const Share& share : shares_) whole += share.batch;
    const std::size_t each = bytes.size() / static_cast<std::size_t>(whole);
    return bytes.subspan(static_cast<std::size_t>(from) * each, static_cast<std::size_t>(batch) * each);
  }

  std::shared_ptr<WebnnDevice> device_;
  std::shared_ptr<const Graph> graph_;
  ShapeClass shape_;
  std::int64_t memory_bytes_;  ///< tensors, and a copy of the weights in each graph
  std::vector<Share> shares_;
};

/// A constant of the page, dropped with the last copy.
std::shared_ptr<const ConstantId> kept_constant(std::shared_ptr<WebnnDevice> device, ConstantId id,
                                                std::shared_ptr<std::int64_t> sum, std::int64_t bytes) {
  auto counted = std::make_shared<CountedBytes>(std::move(sum), bytes);
  return {new ConstantId(id), [device = std::move(device), counted](const ConstantId* kept) {
            device->port().drop_constant(*kept);
            delete kept;
          }};
}

}  // namespace

SymbolId split_symbol(const Graph& graph) {
  std::optional<SymbolId> first;
  for (const auto* list : {&graph.inputs, &graph.outputs}) {
    for (const ValueId id : *list) {
      const auto& dims = graph.value(id).dims;
      const SymbolId leads = dims.empty() ? SymbolId{} : dims.front().symbol;
      if (!leads || first.value_or(leads) != leads) return {};
      if (graph.symbol(leads).is_derived()) return {};  // it follows from others, so it cannot be given out in parts
      first = leads;
    }
  }
  return first.value_or(SymbolId{});
}

WebnnProgram::WebnnProgram(std::shared_ptr<WebnnDevice> device, Graph graph, int asked, int precision)
    : device_(std::move(device)), graph_(std::make_shared<const Graph>(std::move(graph))), precision_(precision) {
  optimizations_.emplace_back("whole graph in one dispatch");
  if (precision_ == 16) optimizations_.emplace_back("f16");
  if (asked == 16 && precision_ != 16) optimizations_.emplace_back("f32 in place of f16: the device has no float16");
}

Async<> WebnnProgram::upload(WeightId id, std::vector<WeightPart> parts, Stop stop) {
  co_await stop.check();
  if (!id || id.index() >= graph_->weights.size()) {
    co_await fail(ErrorCode::kInvalidArgument, "weight {} of {}", id.number, graph_->weights.size());
  }
  const Weight& weight = graph_->weight(id);
  co_await element_count(weight.shape);
  const auto size = static_cast<std::size_t>(constant_bytes(*graph_, id, precision_));
  const Bytes bytes = co_await pack_weight(weight, parts, dtype_of(precision_), size);
  const ConstantId made = co_await device_->watch(device_->port().constant(bytes));
  constants_[id] = kept_constant(device_, made, bytes_, std::int64_t(size));
}

namespace {

/// Entries of a run that can be computed apart.
std::int64_t entries(const Graph& graph, const ShapeClass& shape) {
  const SymbolId split = split_symbol(graph);
  return split ? graph.bind({split, 0}, shape) : 1;
}

}  // namespace

Memory predict(const Graph& graph, const ShapeClass& shape, int precision, std::size_t contexts) {
  Memory memory{.activations = tensor_bytes(graph, shape)};
  for (const WeightId id : used_weights(graph)) memory.weights += constant_bytes(graph, id, precision);
  memory.activations += memory.weights * std::min(std::int64_t(contexts), entries(graph, shape));
  return memory;
}

Async<std::vector<ContextId>> WebnnProgram::contexts_for(const Graph& graph, const ShapeClass& shape, Stop stop) {
  if (entries(graph, shape) > 1) co_return co_await device_->contexts(std::move(stop));
  co_return std::vector<ContextId>{device_->context()};
}

Async<> WebnnProgram::make_states(ShapeClass, Stop) {
  if (used_states(*graph_).empty()) co_return;
  co_await fail(ErrorCode::kUnsupportedOp, "WebNN keeps no states between runs");
}

Async<std::unique_ptr<Executable>> WebnnProgram::compile(ShapeClass shape, Stop stop,
                                                         std::shared_ptr<const Graph> part) {
  co_await stop.check();
  if (!part) part = graph_;
  co_await device_->usable();
  const std::vector<ContextId> contexts = co_await contexts_for(*part, shape, stop);
  const std::int64_t whole = entries(*part, shape);
  const auto count = std::min<std::int64_t>(std::int64_t(contexts.size()), whole);
  auto executable = std::make_unique<WebnnExecutable>(device_, part, shape);
  for (std::int64_t i = 0; i < count; ++i) {
    co_await stop.check();
    ShapeClass mine = shape;
    const std::int64_t batch = (i + 1) * whole / count - i * whole / count;
    if (count > 1) mine.set(part->symbol(split_symbol(*part)).name, batch);
    std::string lowered = co_await lower(*part, mine, device_->limits(), {.precision = precision_});
    std::vector<ConstantId> constants;
    std::int64_t bytes = 0;
    for (const WeightId id : weights_in(lowered)) {
      const auto found = constants_.find(id);
      if (found == constants_.end()) {
        co_await fail(ErrorCode::kMissingWeight, "weight {} was not uploaded before compile", part->weight(id).name);
      }
      constants.push_back(*found->second);
      bytes += constant_bytes(*part, id, precision_);
    }
    const ContextId context = contexts[static_cast<std::size_t>(i)];
    const GraphId graph =
        co_await device_->watch(device_->port().build(context, std::move(lowered), std::move(constants), stop));
    executable->add({graph, batch}, bytes);
  }
  const std::string note = std::format("batch over {} contexts side by side", count);
  if (count > 1 && std::ranges::find(optimizations_, note) == optimizations_.end()) optimizations_.push_back(note);
  co_return std::unique_ptr<Executable>(std::move(executable));
}

}  // namespace ipfs_accelerate::webnn
