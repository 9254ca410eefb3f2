// Reading a model folder: files by name, safetensors headers, and tensors on demand.
#include "engine/model_source.h"

#include <chrono>
#include <cstring>

namespace ipfs_accelerate {
namespace {

constexpr std::uint64_t kMaxSmallFile = 64u << 20;  // tokenizers reach 20 MB; a config beyond this is none
constexpr const char* kSingleFile = "model.safetensors";
constexpr const char* kShardIndex = "model.safetensors.index.json";

class Stopwatch {
 public:
  explicit Stopwatch(double& total) : total_(total), begin_(std::chrono::steady_clock::now()) {}
  ~Stopwatch() { total_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count(); }

 private:
  double& total_;
  std::chrono::steady_clock::time_point begin_;
};

Result<std::string> read_small(ByteSource& source, const std::string& path) {
  if (source.size() > kMaxSmallFile) {
    return fail(ErrorCode::kLimitExceeded, "{} has {} bytes; at most {} are read", path, source.size(), kMaxSmallFile);
  }
  const auto bytes = source.view(0, source.size());
  if (!bytes) return while_doing(bytes.error(), "reading {}", path);
  return std::string(as_text(*bytes));
}

/// The content, or nothing when the folder has no such file.
Result<std::optional<std::string>> read_if_present(const OpenFile& open, const std::string& path) {
  auto source = open(path);
  if (!source && source.error().code == ErrorCode::kNotFound) return std::nullopt;
  if (!source) return std::unexpected(source.error());
  return read_small(**source, path);
}

Result<> add_weight_file(ModelSource& model, const std::string& path, std::shared_ptr<ByteSource> source) {
  if (source->size() < 8)
    return fail(ErrorCode::kMalformedWeights, "{} has {} bytes, too few for a header", path, source->size());
  IA_ASSIGN(const ByteView first8, source->view(0, 8));
  auto length = WeightIndex::safetensors_header_bytes(first8);
  if (!length) return while_doing(length.error(), "reading {}", path);
  if (*length > source->size()) {
    return fail(ErrorCode::kMalformedWeights, "{} says its header ends at byte {}, but it has {}", path, *length,
                source->size());
  }
  IA_ASSIGN(const ByteView header, source->view(0, *length));
  auto added = model.index.add_safetensors(header, source->size(), model.weight_files.size());
  if (!added) return while_doing(added.error(), "reading {}", path);
  model.weight_files.push_back(std::move(source));
  return {};
}

Result<> open_weights(ModelSource& model, const OpenFile& open) {
  auto single = open(kSingleFile);
  if (single) return add_weight_file(model, kSingleFile, std::move(*single));
  if (single.error().code != ErrorCode::kNotFound) return std::unexpected(single.error());
  IA_ASSIGN(const auto index, read_if_present(open, kShardIndex));
  if (!index) return fail(ErrorCode::kNotFound, "the model has neither {} nor {}", kSingleFile, kShardIndex);
  IA_ASSIGN(const auto names, sharded_file_names(*index));
  for (const std::string& name : names) {
    auto shard = open(name);
    if (!shard) return while_doing(shard.error(), "opening the shards that {} lists", kShardIndex);
    IA_TRY(add_weight_file(model, name, std::move(*shard)));
  }
  return {};
}

}  // namespace

Result<WeightPart> ModelSource::part(const std::string& tensor) {
  const auto found = index.tensors().find(tensor);
  if (found == index.tensors().end()) return fail(ErrorCode::kMissingWeight, "no stored tensor {}", tensor);
  const TensorLocation& where = found->second;
  Stopwatch watch(read_seconds);
  auto bytes = weight_files[where.file]->view(where.begin, where.end - where.begin);
  if (!bytes) return while_doing(bytes.error(), "reading tensor {}", tensor);
  if (auto finite = check_finite(tensor, where.info.dtype, *bytes); !finite) {
    return fail(finite.error().code, "{}; the model file is damaged or was saved from a failed training",
                finite.error().message);
  }
  return WeightPart{where.info.dtype, where.info.shape, *bytes};
}

Result<ModelSource> open_model_source(const OpenFile& open) {
  ModelSource model;
  Stopwatch watch(model.read_seconds);
  for (const std::string& path : wanted_files()) {
    IA_ASSIGN(auto content, read_if_present(open, path));
    if (content) model.files[path] = *std::move(content);
  }
  if (!model.files.contains("config.json"))
    return fail(ErrorCode::kNotFound, "the folder is no model: it has no config.json");
  IA_TRY(open_weights(model, open));
  return model;
}

}  // namespace ipfs_accelerate
