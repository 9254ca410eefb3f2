// Operation gate: its fields and its shape rule.
#pragma once

#include "graph/linear.h"

namespace ipfs_accelerate {

namespace op {

/// y = activation(x[..., :n]) * x[..., n:] for x of 2n columns: T5 v1.1's gated gelu and Llama's SwiGLU, after one
/// Linear of the two projections stacked.
struct Gate {
  static constexpr std::string_view kName = "gate";
  ValueId x{};
  Activation activation = Activation::kSilu;

  static constexpr void fields(auto& self, auto&& visit) {
    visit("x", self.x);
    visit("activation", self.activation);
  }
  Result<std::vector<Dim>> infer(const Rule& rule) const;
};

}  // namespace op

}  // namespace ipfs_accelerate
