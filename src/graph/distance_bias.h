// Operation distance_bias: its fields and its shape rule.
#pragma once

#include "graph/relative_bias.h"

namespace ipfs_accelerate {

namespace op {

/// T5's decoder bias by how far back a key is: y[h,d] = table[bucket(-d)][h]. table: [buckets, heads]; y: [heads,
/// distances].
struct DistanceBias {
  static constexpr std::string_view kName = "distance_bias";
  WeightId table{};
  std::int32_t distances = 0, max_distance = 128;

  static constexpr void fields(auto& self, auto&& visit) {
    visit("table", self.table);
    visit("distances", self.distances);
    visit("max_distance", self.max_distance);
  }
  Result<std::vector<Dim>> infer(const Rule& rule) const;
};

}  // namespace op

/// The row of a table of `buckets` for each distance 0, 1, 2 ...: relative_bucket() looking back.
std::vector<std::int32_t> distance_buckets(const op::DistanceBias& bias, std::int64_t buckets);

}  // namespace ipfs_accelerate
