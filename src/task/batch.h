// Batch: tensors for one computation of a part of a model.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "graph/graph.h"

namespace ipfs_accelerate {

using NamedTensor = std::pair<std::string, Tensor>;

struct Batch {
  ShapeClass shape;
  std::vector<std::string> input_names;  ///< graph input each tensor is for
  std::vector<Tensor> inputs;

  void add(std::string name, Tensor tensor) {
    input_names.push_back(std::move(name));
    inputs.push_back(std::move(tensor));
  }
};

}  // namespace ipfs_accelerate
