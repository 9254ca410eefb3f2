// Loading weights onto devices, and running padded batches through the plan.
#include "engine/loaded_model.h"

#include <algorithm>

#include "engine/batch_run.h"
#include "engine/batching.h"
#include "task/forward.h"
#include "task/sources.h"
#include "task/text_batch.h"

namespace ipfs_accelerate {
namespace {

Result<PoolMode> pool_mode(const std::string& name) {
  if (name == "mean") return PoolMode::kMean;
  if (name == "cls") return PoolMode::kCls;
  if (name == "max") return PoolMode::kMax;
  if (name == "last_token") return PoolMode::kLastToken;
  return fail(ErrorCode::kInvalidArgument, "pooling '{}' is none of mean, cls, max, last_token", name);
}

std::vector<std::string> output_names(const Graph& graph) {
  std::vector<std::string> names;
  for (const ValueId id : graph.outputs) names.push_back(graph.value(id).name);
  return names;
}

}  // namespace

TaskOptions task_options(const Config& config, Stop stop) {
  TaskOptions options;
  options.stop = std::move(stop);
  options.truncation = config.truncation;
  options.top_k = config.top_k;
  options.max_new_tokens = config.max_new_tokens;
  options.stop_ids = config.stop_token_ids;
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

Async<std::shared_ptr<LoadedModel>> LoadedModel::load(host::Host& host, ModelSource source, Request request,
                                                      Choice choice, LoadListener listener, Stop stop) {
  const LoadOptions options = load_options(request.config);
  const PipelineOptions wanted = co_await pipeline_options(request);
  Pipeline pipeline = co_await Pipeline::open(source.files, source.index.table(), wanted);
  std::shared_ptr<LoadedModel> model(new LoadedModel(host, std::move(pipeline), std::move(source), std::move(choice)));
  model->parts_ = co_await LoadedParts::open(model->pipeline_.parts(), model->choice_, options, stop);
  LoadedParts& parts = *model->parts_;
  const TakeWeight take = [&](WeightId id, std::vector<WeightPart> stored) -> Async<> {
    co_await parts.upload(id, std::move(stored), stop);
  };
  co_await read_weights(model->source_, host.compute, parts.parts().front().graph, parts.weights(), take,
                        std::move(listener), stop);
  co_return model;
}

Async<LoadedModel::Outputs> LoadedModel::evaluate(Given given, Stop stop) {
  const Turns::Turn turn = co_await runs_.take(stop);
  if (!given.tensors.empty() && !given.encodings.empty()) {
    co_await fail(ErrorCode::kInvalidArgument, "give 'encodings' or 'tensors', not both");
  }
  const Head head = pipeline_.task().head;
  if (head != Head::kNextToken && head != Head::kSequenceToSequence) {
    co_return co_await evaluate_encoder(std::move(given), stop);
  }
  const std::vector<std::size_t> none;
  BatchRun run(*this, {.stop = stop}, none, {});
  std::vector<std::string> wanted = output_names(*co_await parts_->graph(kDecoderPart));
  if (head == Head::kNextToken) co_return co_await forward(run, std::move(given.tensors), std::move(wanted));
  std::vector<std::string> of_encoder = output_names(*co_await parts_->graph(kEncoderPart));
  co_return co_await forward_both(run, std::move(given.tensors), std::move(of_encoder), std::move(wanted));
}

Async<LoadedModel::Outputs> LoadedModel::evaluate_encoder(Given given, Stop stop) {
  const Graph& graph = pipeline_.graph();
  std::vector<std::string> wanted = output_names(graph);
  std::vector<Encoding> items;
  for (EncodedItem& item : given.encodings) {
    Encoding encoding;
    encoding.ids = std::move(item.ids);
    encoding.type_ids = std::move(item.type_ids);
    encoding.attention_mask = std::move(item.attention_mask);
    items.push_back(std::move(encoding));
  }
  Batch batch = co_await (given.tensors.empty() ? encoded_batch(pipeline_.facts(), items)
                                                : named_batch(graph, std::move(given.tensors)));
  co_return co_await parts_->compute(std::string(kOnlyPart), std::move(batch), std::move(wanted), stop);
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

std::vector<SegmentReport> LoadedModel::segments() const {
  std::vector<SegmentReport> all;
  for (const Segment& segment : parts_->plan().segments) {
    if (segment.on_demand) continue;
    all.push_back({segment.platform, static_cast<int>(segment.graph->nodes.size()), segment.reason});
  }
  return all;
}

std::vector<std::string> LoadedModel::optimizations() const {
  std::vector<std::string> all = parts_->optimizations();
  if (sorted_) all.emplace_back("batches sorted by length");
  return all;
}

}  // namespace ipfs_accelerate
