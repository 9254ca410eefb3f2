// Operation relative_bias: its fields and its shape rule.
#pragma once

#include "graph/field.h"

namespace ipfs_accelerate {

namespace op {

/// T5/MPNet relative position bias: y[h,i,j] = table[bucket(j - i)][h]. table: [buckets, heads]; y: [heads, length,
/// length].
struct RelativeBias {
  static constexpr std::string_view kName = "relative_bias";
  WeightId table{};
  Dim length{};  ///< of the sequences, queries and keys alike
  std::int32_t buckets = 32, max_distance = 128;
  bool bidirectional = true;

  static constexpr void fields(auto& self, auto&& visit) {
    visit("table", self.table);
    visit("length", self.length);
    visit("buckets", self.buckets);
    visit("max_distance", self.max_distance);
    visit("bidirectional", self.bidirectional);
  }
  Result<std::vector<Dim>> infer(const Rule& rule) const;
};

}  // namespace op

/// The row of RelativeBias::table for a key `distance` = j - i positions after the query.
/// As T5 and MPNet compute it, in float: half the buckets are exact, the rest logarithmic up to max_distance.
std::int32_t relative_bucket(std::int64_t distance, const op::RelativeBias& bias);

}  // namespace ipfs_accelerate
