// A model folder on disk, read whole: small files and tensors by name. For tests of the model table.
#pragma once

#include <filesystem>

#include "engine/pipeline.h"
#include "golden/tensor_files.h"

namespace ipfs_accelerate {

struct ModelFolder {
  ModelFiles files;
  TensorFiles tensors;
};
/// Reads the files a pipeline wants, and model.safetensors or the shards of its index.
Result<ModelFolder> read_model_folder(const std::filesystem::path& folder);

}  // namespace ipfs_accelerate
