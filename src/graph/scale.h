// Operation scale: its fields and its shape rule.
#pragma once

#include "graph/field.h"

namespace ipfs_accelerate {

namespace op {

/// y = x * factor: embeddings times the root of their width (Gemma), a tied output head divided by it (T5).
struct Scale {
  static constexpr std::string_view kName = "scale";
  ValueId x{};
  float factor = 1;

  static constexpr void fields(auto& self, auto&& visit) {
    visit("x", self.x);
    visit("factor", self.factor);
  }
  Result<std::vector<Dim>> infer(const Rule& rule) const;
};

}  // namespace op

}  // namespace ipfs_accelerate
