// Shape rule of rms_norm.
#include "graph/rule.h"

namespace ipfs_accelerate {

Result<Dims> op::RmsNorm::infer(const Rule& rule) const {
  IA_ASSIGN(Dims dims, rule.value(x, "x", Dtype::kF32, 0));
  IA_ASSIGN(std::int64_t columns, rule.columns(dims, "x"));
  if (!gamma) return rule.wrong("gamma is missing");
  IA_TRY(rule.optional_vector(gamma, "gamma", columns));
  return dims;
}

}  // namespace ipfs_accelerate
