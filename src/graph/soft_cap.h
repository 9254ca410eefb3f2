// Operation soft_cap: its fields and its shape rule.
#pragma once

#include "graph/field.h"

namespace ipfs_accelerate {

namespace op {

/// y = cap * tanh(x / cap): scores that never pass the cap (Gemma 2, arXiv 2408.00118, section 2).
struct SoftCap {
  static constexpr std::string_view kName = "soft_cap";
  ValueId x{};
  float cap = 30;

  static constexpr void fields(auto& self, auto&& visit) {
    visit("x", self.x);
    visit("cap", self.cap);
  }
  Result<std::vector<Dim>> infer(const Rule& rule) const;
};

}  // namespace op

}  // namespace ipfs_accelerate
