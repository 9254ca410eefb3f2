// Core: finding, keeping and running models, falling back, and saying what happened.
#include "engine/core.h"

#include <algorithm>
#include <list>
#include <nlohmann/json.hpp>
#include <set>

#include "content/walk.h"
#include "engine/batching.h"
#include "engine/devices.h"
#include "engine/loaded_model.h"
#include "engine/model_name.h"
#include "engine/pipeline_run.h"
#include "engine/request.h"
#include "fetch/import.h"
#include "fetch/underway.h"

namespace ipfs_accelerate {
namespace {

using content::Cid;

constexpr std::size_t kKeptModels = 4;
constexpr double kMegabyte = 1e6;

bool is_device_error(ErrorCode code) {
  const auto number = static_cast<int>(code);
  return number >= 500 && number < 600;
}

std::string dump(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// A model's folder, found.
struct Found {
  Cid cid;
  std::string origin;    ///< "ipfs", "url", "disk"
  bool was_here = true;  ///< the host had to add nothing to name it
  std::shared_ptr<fetch::Fetcher> fetcher;
};

/// What makes two requests for a model share one loaded form.
std::string options_key(const Request& request, const std::string& platform) {
  return std::format("{} {} {} {} {} {} {} {}", request.config.task, platform, request.config.precision,
                     request.config.threads, request.pooling, request.normalize ? int(*request.normalize) : -1,
                     request.hidden_states, request.all_tokens);
}

ContentReport content_report(const fetch::Figures& figures, std::string cache) {
  return {std::move(cache),       figures.blocks_kept,    figures.bytes_kept,
          figures.blocks_fetched, figures.bytes_fetched,  figures.bytes_verified,
          figures.blocks_corrupt, figures.quota_exceeded, figures.seconds * 1e3};
}

}  // namespace

struct Core::Impl {
  /// One loaded form of a model; a request that finds it loading waits for its turn.
  struct Entry {
    std::string root;  ///< traversal key of its folder: the same for every text of a CID; empty until it is known
    std::string name, key;
    Turns loading;
    std::shared_ptr<LoadedModel> model;
    bool was_here = true;
    double load_seconds = 0;  ///< finding, reading and verifying its bytes
  };
  using EntryRef = std::shared_ptr<Entry>;
  struct Ready {
    EntryRef entry;
    std::shared_ptr<LoadedModel> model;
    bool fresh = false;
    std::string fallback;
  };

  explicit Impl(host::Host& host) : host(host), devices(host) {}

  std::shared_ptr<fetch::Fetcher> fetcher(fetch::SourceOptions options) {
    return std::make_shared<fetch::Fetcher>(host, std::move(options), underway);
  }

  Async<Found> find(Request request, Stop stop);
  Async<EntryRef> entry_of(Request request, Choice choice, std::optional<Found>* found, Stop stop);
  Async<Ready> load_on(Request request, Choice choice, LoadListener listener, Stop stop);
  /// A device that fails in the middle of work is replaced by the CPU, once, when that is allowed.
  template <class T, class Work>
  Async<T> with_model(Request request, LoadListener listener, Stop stop, Work work);
  /// An address or a folder in Node; a CID costs nothing to look at, a native folder may have changed.
  bool is_read_once(const ModelName& name) const {
    return name.kind == ModelName::Kind::kUrl || (name.kind == ModelName::Kind::kOther && host.files != nullptr);
  }
  void evict(const EntryRef& entry) { std::erase(loaded, entry); }

  host::Host& host;
  std::shared_ptr<fetch::Underway> underway = std::make_shared<fetch::Underway>();
  Devices devices;
  std::list<EntryRef> loaded;  ///< most recently used first
};

Async<Found> Core::Impl::find(Request request, Stop stop) {
  const ModelName name = co_await parse_model_name(request.model);
  const Config& config = request.config;
  const auto fetcher =
      this->fetcher({config.gateways, config.allow_local_gateways, static_cast<double>(config.gateway_timeout)});
  if (name.kind == ModelName::Kind::kUrl) {
    const Cid cid = co_await fetch::import_url_folder(host, *fetcher, name.text, wanted_at_address(), stop);
    co_return Found{cid, "url", true, fetcher};
  }
  if (name.kind == ModelName::Kind::kCid) {
    const Cid cid = co_await fetcher->resolve(name.text, stop);
    co_return Found{cid, "ipfs", true, fetcher};
  }
  if (host.files != nullptr) {
    const Cid cid = co_await fetch::import_disk_folder(host, *fetcher, name.text, stop);
    co_return Found{cid, "disk", true, fetcher};
  }
  const host::Located located = co_await host.catalog.locate(name.text, stop);
  const Cid cid = co_await fetcher->resolve(located.path, stop);
  co_return Found{cid, "ipfs", located.was_here, fetcher};
}

Async<Core::Impl::EntryRef> Core::Impl::entry_of(Request request, Choice choice, std::optional<Found>* found,
                                                 Stop stop) {
  const std::string key = options_key(request, choice.preferred->device().platform);
  const bool by_name = is_read_once(co_await parse_model_name(request.model));
  const auto same = [&](const EntryRef& entry) {
    return entry->key == key &&
           (by_name ? entry->name == request.model : entry->root == content::traversal_key((*found)->cid));
  };
  if (!by_name) *found = co_await find(request, stop);
  auto at = std::ranges::find_if(loaded, same);
  if (at == loaded.end()) {
    loaded.push_front(std::make_shared<Entry>());
    loaded.front()->key = key;
    loaded.front()->name = request.model;
    if (!by_name) loaded.front()->root = content::traversal_key((*found)->cid);
    if (loaded.size() > kKeptModels) loaded.pop_back();
    co_return loaded.front();
  }
  loaded.splice(loaded.begin(), loaded, at);
  co_return loaded.front();
}

Async<Core::Impl::Ready> Core::Impl::load_on(Request request, Choice choice, LoadListener listener, Stop stop) {
  std::optional<Found> found;
  const double begin = host.clock.now();
  const EntryRef entry = co_await entry_of(request, choice, &found, stop);
  const Turns::Turn turn = co_await entry->loading.take(stop);
  // The device was opened anew since: what is on the lost one is of no use.
  if (entry->model && entry->model->choice().preferred != choice.preferred) entry->model.reset();
  Ready ready{entry, entry->model, false, choice.fallback};
  if (!ready.model) {
    const auto load = [&]() -> Async<> {
      if (!found) found = co_await find(request, stop);
      entry->root = content::traversal_key(found->cid);
      entry->was_here = found->was_here;
      const double named = host.clock.now();
      ModelSource source = co_await open_model_source(found->fetcher, found->cid, found->origin, listener, stop);
      auto model = co_await LoadedModel::load(host, std::move(source), request, choice, listener, stop);
      co_await found->fetcher->flush();
      entry->load_seconds = named - begin + found->fetcher->figures().seconds;
      entry->model = std::move(model);
    };
    const Result<> done = co_await as_result(load());
    if (!done) {
      if (found && found->fetcher) (void)co_await as_result(found->fetcher->flush());  // what came is kept
      if (!entry->loading.awaited()) evict(entry);  // the next in turn tries for itself
      co_await done;
    }
    ready.model = entry->model;
    ready.fresh = true;
  }
  if (listener)
    listener({"ready", {}, ready.model->source().source(), std::string(ready.model->pipeline().task().name), 0, 0});
  co_return ready;
}

template <class T, class Work>
Async<T> Core::Impl::with_model(Request request, LoadListener listener, Stop stop, Work work) {
  co_await check_config(request.config, host.compute.threads());
  co_await stop.check();
  Choice choice = co_await devices.choose(request.config, stop);
  for (bool again = false;; again = true) {
    EntryRef used;
    const auto attempt = [&]() -> Async<T> {
      const Ready ready = co_await load_on(request, choice, listener, stop);
      used = ready.entry;
      co_return co_await work(ready);
    };
    Result<T> result = co_await as_result(attempt());
    if (result) co_return std::move(result);
    const Error& error = result.error();
    // A device that failed once is not trusted with the next run.
    if (is_device_error(error.code) && used) evict(used);
    const bool last = again || !is_device_error(error.code) || choice.preferred == choice.cpu;
    if (last || !request.config.allow_fallback) co_return std::move(result);
    choice = devices.fall_back(request.config, choice.preferred->device().platform + " failed: " + error.message);
  }
}

Core::Core(host::Host& host) : impl_(std::make_unique<Impl>(host)) {}
Core::~Core() = default;

std::shared_ptr<fetch::Fetcher> Core::fetcher(fetch::SourceOptions options) {
  return impl_->fetcher(std::move(options));
}

Async<RunResult> Core::run(Request request, std::vector<Content> inputs, Listener listener, Stop stop) {
  if (inputs.empty()) co_await fail(ErrorCode::kInvalidArgument, "no input: give at least one");
  host::Host& host = impl_->host;
  const double begin = host.clock.now();
  const auto work = [&](const Impl::Ready& ready) -> Async<RunResult> {
    LoadedModel& model = *ready.model;
    const double start = host.clock.now();
    Answers answers = co_await model.run(inputs, request.config, listener, stop);
    const DeviceInfo& device = model.parts().device();
    const double memory = static_cast<double>(host.memory ? host.memory() : 0);
    RunResult result;
    result.model_name = request.model;
    result.model_type = model.pipeline().facts().model_type;
    result.task = model.pipeline().task().name;
    result.platform = device.platform;
    result.browser = host.browser;
    result.cid = model.cid().text();
    result.ipfs_source = model.source().source();
    result.ipfs_cache_hit = ready.entry->was_here && result.ipfs_source == "cache";
    result.adapter_info = adapter_text(device);
    result.is_real_hardware = device.is_real_hardware;
    result.precision = model.parts().precision();
    result.processing_time = host.clock.now() - start;
    result.ipfs_load_time = ready.fresh ? ready.entry->load_seconds * 1e3 : 0;
    result.memory_usage_mb = (memory + static_cast<double>(model.parts().device_bytes())) / kMegabyte;
    result.throughput_items_per_sec = static_cast<double>(inputs.size()) / result.processing_time;
    result.optimizations = model.optimizations();
    result.fallback = ready.fallback;
    result.segments = model.segments();
    result.content = content_report(model.source().fetcher->figures(), host.keep.kind());
    result.tokens = answers.tokens;
    result.answers = std::move(answers.values);
    result.total_time = host.clock.now() - begin;
    co_return result;
  };
  co_return co_await impl_->with_model<RunResult>(request, listener, stop, work);
}

Async<LoadedFacts> Core::load(Request request, LoadListener listener, Stop stop) {
  const auto work = [&](const Impl::Ready& ready) -> Async<LoadedFacts> {
    const Pipeline& pipeline = ready.model->pipeline();
    co_return LoadedFacts{std::string(pipeline.task().name), ready.model->cid().text(), pipeline.task().gives,
                          pipeline.facts().labels, pipeline.task().takes.names()};
  };
  co_return co_await impl_->with_model<LoadedFacts>(request, std::move(listener), stop, work);
}

Async<Evaluation> Core::evaluate(Request request, Given given, std::vector<Content> texts, Stop stop) {
  const auto work = [&](const Impl::Ready& ready) -> Async<Evaluation> {
    Evaluation evaluation;
    if (!given.empty()) evaluation.outputs = co_await ready.model->evaluate(given, stop);
    if (!texts.empty()) evaluation.ids = co_await ready.model->tokenize(texts, stop);
    evaluation.segments = ready.model->segments();
    if (!given.empty()) std::tie(evaluation.predicted, evaluation.taken) = co_await ready.model->parts().memory();
    co_return evaluation;
  };
  co_return co_await impl_->with_model<Evaluation>(request, {}, stop, work);
}

Async<std::string> Core::explain(Request request, std::vector<Content> inputs, Stop stop) {
  co_await check_config(request.config, impl_->host.compute.threads());
  const Choice choice = co_await impl_->devices.choose(request.config, stop);
  const Found found = co_await impl_->find(request, stop);
  const auto opened = co_await as_result(open_model_source(found.fetcher, found.cid, found.origin, {}, stop));
  (void)co_await as_result(found.fetcher->flush());  // what came is kept, also when the model is none
  const ModelSource source = co_await opened;
  const PipelineOptions options = co_await pipeline_options(request);
  const TensorTable table = source.index.table();
  const Pipeline pipeline = co_await Pipeline::open(source.files, table, options);
  ShapeClass shape = full_shape(pipeline.parts().front().graph);
  if (const std::int64_t side = pipeline.facts().picture_size; side > 0) {
    for (const std::string_view name : {kHeight, kWidth}) shape.set(name, side);
  }
  if (!inputs.empty()) {
    std::vector<Content> items;
    for (const std::size_t i : length_sorted_batches(inputs, static_cast<std::size_t>(request.config.batch_size))[0]) {
      items.push_back(inputs[i]);
    }
    const ShapeClass asked = co_await asked_shape(pipeline, std::move(items), task_options(request.config, stop));
    const ShapeClass bucket = shape_bucket(pipeline.parts().front().graph, asked);
    for (const auto& [name, number] : asked.numbers()) shape.set(name, bucket.at(name));
    for (const std::string& input : asked.absent()) shape.leave_out(input);
  }
  const LoadOptions loading = load_options(request.config);
  const Plan plan = plan_for(pipeline.parts(), choice, loading);
  const Memory memory = co_await predict(plan, shape, choice, loading);
  nlohmann::ordered_json json = co_await pipeline.explain(plan, shape, table, memory);
  json["cid"] = found.cid.text();
  json["device"] = adapter_text(choice.preferred->device());
  json["reason"] = choice.reason;
  if (!choice.fallback.empty()) json["fallback"] = choice.fallback;
  co_return dump(json);
}

Async<std::string> Core::devices(Stop stop) { co_return dump(co_await impl_->devices.describe(stop)); }

Async<> Core::unload(Request request, Stop stop) {
  std::list<Impl::EntryRef>& loaded = impl_->loaded;
  std::set<std::string> roots;
  for (const Impl::EntryRef& entry : loaded) {
    if (entry->name == request.model && !entry->root.empty()) roots.insert(entry->root);
  }
  if (roots.empty() && !loaded.empty() && !impl_->is_read_once(co_await parse_model_name(request.model))) {
    const auto found = co_await as_result(impl_->find(request, stop));
    if (found) roots.insert(content::traversal_key(found->cid));
  }
  std::erase_if(
      loaded, [&](const Impl::EntryRef& entry) { return entry->name == request.model || roots.contains(entry->root); });
}

}  // namespace ipfs_accelerate
