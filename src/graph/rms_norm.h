// Operation rms_norm: its fields and its shape rule.
#pragma once

#include "graph/field.h"

namespace ipfs_accelerate {

namespace op {

/// y = x / sqrt(mean(x^2) + epsilon) * gamma over the last dimension (T5, Llama).
struct RmsNorm {
  static constexpr std::string_view kName = "rms_norm";
  ValueId x{};
  WeightId gamma{};
  float epsilon = 1e-6f;

  static constexpr void fields(auto& self, auto&& visit) {
    visit("x", self.x);
    visit("gamma", self.gamma);
    visit("epsilon", self.epsilon);
  }
  Result<std::vector<Dim>> infer(const Rule& rule) const;
};

}  // namespace op

}  // namespace ipfs_accelerate
