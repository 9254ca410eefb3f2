// A model folder as the engine reads it: small files, the index of its weights, and their verified bytes.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "pipeline/pipeline.h"
#include "weights/weights.h"

namespace ipfs_accelerate {

/// Opens a file of the model folder by its relative path. kNotFound when there is none.
using OpenFile = std::function<Result<std::shared_ptr<ByteSource>>(const std::string& path)>;

struct ModelSource {
  ModelFiles files;
  WeightIndex index;
  std::vector<std::shared_ptr<ByteSource>> weight_files;  ///< in the order of TensorLocation::file
  double read_seconds = 0;                                ///< time spent in open and view calls so far

  /// Where one stored tensor's verified bytes lie. kMissingWeight, kIntegrity; kNotFinite when it holds NaN or
  /// infinity.
  Result<WeightPart> part(const std::string& tensor);
};

/// Reads config and tokenizer files and the headers of the weight files; no weight is read.
/// kNotFound says which file a model folder lacks.
Result<ModelSource> open_model_source(const OpenFile& open);

}  // namespace ipfs_accelerate
