// Shape rule of normalize.
#include "graph/rule.h"

namespace ipfs_accelerate {

Result<Dims> op::Normalize::infer(const Rule& rule) const { return rule.value(x, "x", Dtype::kF32, 0); }

}  // namespace ipfs_accelerate
