// Labels of a classifier.
#pragma once

#include "model/config.h"
#include "model/model.h"
#include "model/model_builder.h"

namespace ipfs_accelerate {

/// Labels and how scores become probabilities, as transformers' pipelines decide it; `tensor` has a row per label.
Result<> read_labels(ModelFacts& facts, const ModelConfig& config, const ModelBuilder& builder,
                     const std::string& tensor);

}  // namespace ipfs_accelerate
