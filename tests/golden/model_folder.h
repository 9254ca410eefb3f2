// A model folder on disk, read whole: small files, safetensors, tensors by name. For golden runs, not for the engine.
#pragma once

#include <filesystem>

#include "pipeline/pipeline.h"

namespace ipfs_accelerate {

/// A safetensors file in memory, or several.
class TensorFiles {
 public:
  Result<> add(const std::filesystem::path& file);
  const WeightIndex& index() const { return index_; }
  Result<WeightPart> part(const std::string& name) const;  ///< kMissingWeight
  /// Any numeric tensor as floats.
  Result<Tensor> floats(const std::string& name) const;
  /// Any integer tensor as i32.
  Result<Tensor> ints(const std::string& name) const;

 private:
  WeightIndex index_;
  std::vector<Bytes> files_;
};

struct ModelFolder {
  ModelFiles files;
  TensorFiles tensors;
};
/// Reads the files a pipeline wants, and model.safetensors or the shards of its index.
Result<ModelFolder> read_model_folder(const std::filesystem::path& folder);
Result<std::string> read_text(const std::filesystem::path& file);

}  // namespace ipfs_accelerate
