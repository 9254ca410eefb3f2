// Operation pool: its fields and its shape rule.
#pragma once

#include "graph/field.h"

namespace ipfs_accelerate {

enum class PoolMode : std::uint8_t { kMean, kCls, kMax, kMeanSqrtLength, kLastToken, kWeightedMean };
std::string_view name_of(PoolMode mode);  ///< "mean", "cls" ...

namespace op {

/// Pools tokens into one vector per sequence. x: [batch, sequence, hidden], mask: i32 [batch, sequence]; y: [batch,
/// hidden].
struct Pool {
  static constexpr std::string_view kName = "pool";
  ValueId x{}, mask{};
  PoolMode mode = PoolMode::kMean;

  static constexpr void fields(auto& self, auto&& visit) {
    visit("x", self.x);
    visit("mask", self.mask);
    visit("mode", self.mode);
  }
  Result<std::vector<Dim>> infer(const Rule& rule) const;
};

}  // namespace op

}  // namespace ipfs_accelerate
