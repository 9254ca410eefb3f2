// Operation normalize: its fields and its shape rule.
#pragma once

#include "graph/field.h"

namespace ipfs_accelerate {

namespace op {

/// y = x / max(|x|_2, epsilon) over the last dimension.
struct Normalize {
  static constexpr std::string_view kName = "normalize";
  ValueId x{};
  float epsilon = 1e-12f;

  static constexpr void fields(auto& self, auto&& visit) {
    visit("x", self.x);
    visit("epsilon", self.epsilon);
  }
  Result<std::vector<Dim>> infer(const Rule& rule) const;
};

}  // namespace op

}  // namespace ipfs_accelerate
