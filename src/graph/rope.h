// Operation rope: its fields and its shape rule.
#pragma once

#include "graph/field.h"

namespace ipfs_accelerate {

namespace op {

/// Rotary positions: of each of the first `heads` heads of x, the first `rotary_dim` numbers are rotated by their
/// position, its halves paired as in Hugging Face's rotate_half: y1 = x1 cos - x2 sin, y2 = x2 cos + x1 sin, for
/// angles position * frequency. All else is copied. x: [batch, sequence, columns]; positions: i32 [batch, sequence].
struct Rope {
  static constexpr std::string_view kName = "rope";
  ValueId x{}, positions{};
  std::int32_t heads = 0, head_dim = 0, rotary_dim = 0;
  std::vector<float> frequencies{};  ///< rotary_dim / 2
  float factor = 1;                  ///< multiplies sine and cosine

  static constexpr void fields(auto& self, auto&& visit) {
    visit("x", self.x);
    visit("positions", self.positions);
    visit("heads", self.heads);
    visit("head_dim", self.head_dim);
    visit("rotary_dim", self.rotary_dim);
    visit("frequencies", self.frequencies);
    visit("factor", self.factor);
  }
  Result<std::vector<Dim>> infer(const Rule& rule) const;
};

}  // namespace op

}  // namespace ipfs_accelerate
