// Shape rule of select_rows.
#include "graph/rule.h"

namespace ipfs_accelerate {

Result<Dims> op::SelectRows::infer(const Rule& rule) const {
  IA_ASSIGN(Dims dims, rule.value(x, "x", Dtype::kF32, 3));
  IA_ASSIGN(Dims rows, rule.value(rows, "rows", Dtype::kI32, 1));
  return Dims{rows[0], dims[2]};
}

}  // namespace ipfs_accelerate
