// Shape rule of scale.
#include <cmath>

#include "graph/rule.h"

namespace ipfs_accelerate {

Result<Dims> op::Scale::infer(const Rule& rule) const {
  IA_ASSIGN(Dims dims, rule.value(x, "x", Dtype::kF32, 0));
  IA_TRY(rule.columns(dims, "x"));
  if (!std::isfinite(factor)) return rule.wrong("the factor is {}, a finite number is needed", factor);
  return dims;
}

}  // namespace ipfs_accelerate
