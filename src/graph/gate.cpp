// Shape rule of gate.
#include "graph/rule.h"

namespace ipfs_accelerate {

Result<Dims> op::Gate::infer(const Rule& rule) const {
  IA_ASSIGN(Dims dims, rule.value(x, "x", Dtype::kF32, 0));
  IA_ASSIGN(std::int64_t columns, rule.columns(dims, "x"));
  if (columns < 2 || columns % 2 != 0) return rule.wrong("x has {} columns, an even number is needed", columns);
  dims.back() = dim(columns / 2);
  return dims;
}

}  // namespace ipfs_accelerate
