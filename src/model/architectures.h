// The architectures: one function and one file each, listed in registry.cpp.
#pragma once

#include "model/config.h"
#include "model/model.h"

namespace ipfs_accelerate {

using BuildArchitecture = Result<BuiltModel> (*)(const ModelConfig& config, const TensorTable& tensors,
                                                 const HeadOptions& options);

Result<BuiltModel> build_bert(const ModelConfig& config, const TensorTable& tensors, const HeadOptions& options);
Result<BuiltModel> build_distilbert(const ModelConfig& config, const TensorTable& tensors, const HeadOptions& options);
Result<BuiltModel> build_gpt2(const ModelConfig& config, const TensorTable& tensors, const HeadOptions& options);
Result<BuiltModel> build_mpnet(const ModelConfig& config, const TensorTable& tensors, const HeadOptions& options);
Result<BuiltModel> build_roberta(const ModelConfig& config, const TensorTable& tensors, const HeadOptions& options);
Result<BuiltModel> build_t5(const ModelConfig& config, const TensorTable& tensors, const HeadOptions& options);
Result<BuiltModel> build_vit(const ModelConfig& config, const TensorTable& tensors, const HeadOptions& options);

}  // namespace ipfs_accelerate
