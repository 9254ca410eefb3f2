// Reading a model folder: files by name, safetensors headers, and weights in file order.
#include "engine/model_source.h"

#include <algorithm>

#include "backend/arrange_part.h"

namespace ipfs_accelerate {
namespace {

constexpr std::uint64_t kMaxSmallFile = 64u << 20;  // tokenizers reach 20 MB; a config beyond this is none
constexpr const char* kSingleFile = "model.safetensors";
constexpr const char* kShardIndex = "model.safetensors.index.json";

/// Tells a listener about one file.
class FileProgress {
 public:
  FileProgress(const LoadListener& listener, std::string file, std::string source, std::uint64_t total)
      : listener_(listener), event_{"initiate", std::move(file), std::move(source), {}, 0, total} {
    tell("initiate");
    tell("download");
  }
  void add(std::uint64_t bytes) {
    event_.loaded += bytes;
    tell("progress");
  }
  void done() { tell("done"); }

 private:
  void tell(const char* status) {
    event_.status = status;
    if (listener_) listener_(event_);
  }
  const LoadListener& listener_;
  LoadEvent event_;
};

Async<std::string> read_small(const fetch::File& file, const LoadListener& listener, std::string source, Stop stop) {
  if (file.size() > kMaxSmallFile) {
    co_await fail(ErrorCode::kLimitExceeded, "{} has {} bytes; at most {} are read", file.name(), file.size(),
                  kMaxSmallFile);
  }
  FileProgress progress(listener, file.name(), std::move(source), file.size());
  const BytesView bytes = co_await doing("reading " + file.name(), file.read({0, file.size()}, stop));
  progress.add(file.size());
  progress.done();
  co_return std::string(as_text(bytes.view()));
}

/// The content, or nothing when the folder has no such file.
Async<std::optional<std::string>> read_if_present(ModelSource& model, const std::string& path,
                                                  const LoadListener& listener, Stop stop) {
  const std::optional<fetch::File> file = co_await model.fetcher->open(model.cid, path, stop);
  if (!file) co_return std::nullopt;
  co_return co_await read_small(*file, listener, model.source(), stop);
}

Async<> add_weight_file(ModelSource& model, fetch::File file, Stop stop) {
  const std::string reading = "reading " + file.name();
  if (file.size() < 8) {
    co_await fail(ErrorCode::kMalformedWeights, "{} has {} bytes, too few for a header", file.name(), file.size());
  }
  const BytesView first8 = co_await doing(reading, file.read({0, 8}, stop));
  const auto length = WeightIndex::safetensors_header_bytes(first8.view());
  if (!length) co_await while_doing(length.error(), "{}", reading);
  if (*length > file.size()) {
    co_await fail(ErrorCode::kMalformedWeights, "{} says its header ends at byte {}, but it has {}", file.name(),
                  *length, file.size());
  }
  const BytesView header = co_await doing(reading, file.read({0, *length}, stop));
  const auto added = model.index.add_safetensors(header.view(), file.size(), model.weight_files.size());
  if (!added) co_await while_doing(added.error(), "{}", reading);
  model.weight_files.push_back(std::move(file));
}

Async<> open_weights(ModelSource& model, const LoadListener& listener, Stop stop) {
  std::optional<fetch::File> single = co_await model.fetcher->open(model.cid, kSingleFile, stop);
  if (single) {
    co_await add_weight_file(model, *std::move(single), stop);
    co_return;
  }
  const auto index = co_await read_if_present(model, kShardIndex, listener, stop);
  if (!index) co_await fail(ErrorCode::kNotFound, "the model has neither {} nor {}", kSingleFile, kShardIndex);
  const std::vector<std::string> names = co_await sharded_file_names(*index);
  for (const std::string& name : names) {
    std::optional<fetch::File> shard = co_await model.fetcher->open(model.cid, name, stop);
    if (!shard) co_await fail(ErrorCode::kNotFound, "the model has no {}, which {} lists", name, kShardIndex);
    co_await add_weight_file(model, *std::move(shard), stop);
  }
}

/// One stored tensor that a weight is made of.
struct WantedPart {
  WeightId weight;
  std::size_t number;  ///< among the weight's parts
  const TensorLocation* at;
  const std::string* name;
};

/// A weight whose parts are coming in.
struct Gathering {
  const Weight* of = nullptr;
  std::vector<WeightPart> parts;
  std::vector<Bytes> held;  ///< transposed parts, and copies of parts that came before the last one
  std::size_t missing = 0;
};

/// One pass over the weight files.
struct Reading {
  const ModelSource& source;
  Compute& compute;
  const TakeWeight& take;
  std::map<WeightId, Gathering> weights;
  std::vector<std::vector<WantedPart>> by_file;

  Result<> want(const Graph& graph, const std::vector<WeightId>& ids) {
    by_file.resize(source.weight_files.size());
    for (const WeightId id : ids) {
      const std::vector<std::string>& names = graph.weight(id).parts;
      weights[id] = {&graph.weight(id), std::vector<WeightPart>(names.size()), std::vector<Bytes>(names.size()),
                     names.size()};
      for (std::size_t i = 0; i < names.size(); ++i) {
        const auto found = source.index.tensors().find(names[i]);
        if (found == source.index.tensors().end()) {
          return fail(ErrorCode::kMissingWeight, "no stored tensor {}", names[i]);
        }
        by_file[found->second.file].push_back({id, i, &found->second, &names[i]});
      }
    }
    for (auto& parts : by_file) std::ranges::sort(parts, {}, [](const WantedPart& part) { return part.at->begin; });
    return {};
  }

  Async<> receive(const WantedPart& part, ByteView bytes, Stop stop) {
    Gathering& weight = weights.at(part.weight);
    WeightPart& stored = weight.parts[part.number];
    Bytes& held = weight.held[part.number];
    stored = {part.at->info.dtype, part.at->info.shape, bytes};
    const auto check = [&]() -> Result<> {
      const auto finite = check_finite(*part.name, part.at->info.dtype, bytes);
      if (finite) {
        IA_ASSIGN(held, arrange_part(*weight.of, stored));
        return {};
      }
      return fail(finite.error().code, "{}; the model file is damaged or was saved from a failed training",
                  finite.error().message);
    };
    co_await compute.offload(check, stop);
    if (--weight.missing > 0) {
      if (held.empty()) held.assign(bytes.begin(), bytes.end());
      stored.bytes = held;
      co_return;
    }
    co_await take(part.weight, weight.parts);
    weights.erase(part.weight);
  }
};

}  // namespace

std::string ModelSource::source() const {
  if (origin == "disk") return "disk";
  if (fetcher->figures().blocks_fetched == 0) return "cache";
  return origin == "url" ? "url" : fetcher->figures().source;
}

fetch::WantedFiles wanted_at_address() { return {wanted_files(), kSingleFile, kShardIndex, sharded_file_names}; }

Async<ModelSource> open_model_source(std::shared_ptr<fetch::Fetcher> fetcher, content::Cid cid, std::string origin,
                                     LoadListener listener, Stop stop) {
  ModelSource model{std::move(cid), std::move(origin), std::move(fetcher), {}, {}, {}};
  // Its kind first: what cannot be run is not fetched.
  const auto config = co_await read_if_present(model, "config.json", listener, stop);
  if (!config) co_await fail(ErrorCode::kNotFound, "the folder is no model: it has no config.json");
  model.files["config.json"] = *config;
  const std::vector<std::string> wanted = wanted_files(co_await file_kinds_of_config(*config));
  co_await for_each_limited(wanted.size(), wanted.size(), [&](std::size_t i) -> Async<> {
    if (wanted[i] == "config.json") co_return;
    auto content = co_await read_if_present(model, wanted[i], listener, stop);
    if (content) model.files[wanted[i]] = *std::move(content);
  });
  co_await open_weights(model, listener, stop);
  co_return model;
}

Async<> read_weights(const ModelSource& source, Compute& compute, const Graph& graph, const std::vector<WeightId>& ids,
                     const TakeWeight& take, LoadListener listener, Stop stop) {
  Reading reading{source, compute, take, {}, {}};
  co_await reading.want(graph, ids);
  for (std::size_t f = 0; f < reading.by_file.size(); ++f) {
    const std::vector<WantedPart>& parts = reading.by_file[f];
    if (parts.empty()) continue;
    const fetch::File& file = source.weight_files[f];
    std::vector<fetch::Range> ranges;
    for (const WantedPart& part : parts) ranges.push_back({part.at->begin, part.at->end});
    std::uint64_t total = 0;
    for (const fetch::Range& range : ranges) total += range.end - range.begin;
    FileProgress progress(listener, file.name(), source.source(), total);
    co_await file.read_in_order(
        ranges,
        [&](std::size_t i, ByteView bytes) -> Async<> {
          co_await doing("reading tensor " + *parts[i].name, reading.receive(parts[i], bytes, stop));
          progress.add(bytes.size());
        },
        stop);
    progress.done();
  }
}

}  // namespace ipfs_accelerate
