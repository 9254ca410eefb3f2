// Operation layer_norm: its fields and its shape rule.
#pragma once

#include "graph/field.h"

namespace ipfs_accelerate {

namespace op {

/// y = (v - mean(v)) / sqrt(var(v) + epsilon) * gamma + beta over the last dimension, v = x (+ residual).
struct LayerNorm {
  static constexpr std::string_view kName = "layer_norm";
  ValueId x{}, residual{};
  WeightId gamma{}, beta{};
  float epsilon = 1e-12f;

  static constexpr void fields(auto& self, auto&& visit) {
    visit("x", self.x);
    visit("residual", self.residual);
    visit("gamma", self.gamma);
    visit("beta", self.beta);
    visit("epsilon", self.epsilon);
  }
  Result<std::vector<Dim>> infer(const Rule& rule) const;
};

}  // namespace op

}  // namespace ipfs_accelerate
