// Shape rule of relative_bias.
#include <algorithm>
#include <cmath>

#include "graph/rule.h"

namespace ipfs_accelerate {

Result<Dims> op::RelativeBias::infer(const Rule& rule) const {
  IA_ASSIGN(const Shape stored, rule.matrix(table, "table"));
  if (buckets < 4 || stored[0] != buckets) return rule.wrong("table {} for {} buckets", shape_text(stored), buckets);
  if (!length.symbol && length.size < 1) return rule.wrong("the length is missing");
  const std::int32_t exact = buckets / (bidirectional ? 4 : 2);
  if (max_distance <= exact) return rule.wrong("max_distance {} is not above {}", max_distance, exact);
  return Dims{dim(stored[1]), length, length};
}

std::int32_t relative_bucket(std::int64_t distance, const op::RelativeBias& bias) {
  std::int32_t buckets = bias.buckets, first = 0;
  std::int64_t n = -distance;
  if (bias.bidirectional) {
    buckets /= 2;
    if (n < 0) first = buckets;
    n = std::abs(n);
  } else {
    n = std::max<std::int64_t>(n, 0);
  }
  const std::int32_t exact = buckets / 2;
  if (n < exact) return first + static_cast<std::int32_t>(n);
  const float position = std::log(static_cast<float>(n) / static_cast<float>(exact)) /
                         static_cast<float>(std::log(static_cast<double>(bias.max_distance) / exact)) *
                         static_cast<float>(buckets - exact);
  return first + std::min(exact + static_cast<std::int32_t>(position), buckets - 1);
}

}  // namespace ipfs_accelerate
