// Shape rule of arg_max.
#include <limits>

#include "graph/rule.h"

namespace ipfs_accelerate {

Result<Dims> op::ArgMax::infer(const Rule& rule) const {
  IA_ASSIGN(Dims dims, rule.value(x, "x", Dtype::kF32, 2));
  IA_ASSIGN(std::int64_t columns, rule.columns(dims, "x"));
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  if (columns < 1 || columns > kMost) return rule.wrong("x has {} columns, 1 to {} are possible", columns, kMost);
  return Dims{dims[0]};
}

}  // namespace ipfs_accelerate
