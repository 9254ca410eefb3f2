// An architecture: one function in one file, build_NAME, which registry.cpp lists.
#pragma once

#include "model/config.h"
#include "model/model.h"

namespace ipfs_accelerate {

using BuildArchitecture = Result<BuiltModel>(const ModelConfig& config, const TensorTable& tensors,
                                             const HeadOptions& options);

}  // namespace ipfs_accelerate
