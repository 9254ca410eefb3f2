// Shape rule of distance_bias, and its buckets.
#include "graph/distance_bias.h"

#include "graph/rule.h"

namespace ipfs_accelerate {

Result<Dims> op::DistanceBias::infer(const Rule& rule) const {
  constexpr std::int32_t kMostDistances = 1 << 20;
  constexpr std::int64_t kMostBuckets = 1 << 20;
  IA_ASSIGN(const Shape stored, rule.matrix(table, "table"));
  if (stored[0] < 4 || stored[0] > kMostBuckets) {
    return rule.wrong("table {} has {} buckets, 4 to {} are possible", shape_text(stored), stored[0], kMostBuckets);
  }
  if (distances < 1 || distances > kMostDistances) {
    return rule.wrong("{} distances, 1 to {} are possible", distances, kMostDistances);
  }
  if (max_distance <= stored[0] / 2) return rule.wrong("max_distance {} is not above {}", max_distance, stored[0] / 2);
  return Dims{dim(stored[1]), dim(distances)};
}

std::vector<std::int32_t> distance_buckets(const op::DistanceBias& bias, std::int64_t buckets) {
  const op::RelativeBias back{
      .buckets = static_cast<std::int32_t>(buckets), .max_distance = bias.max_distance, .bidirectional = false};
  std::vector<std::int32_t> rows;
  for (std::int64_t distance = 0; distance < bias.distances; ++distance) {
    rows.push_back(relative_bucket(-distance, back));
  }
  return rows;
}

}  // namespace ipfs_accelerate
