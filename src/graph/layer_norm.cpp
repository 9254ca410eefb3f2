// Shape rule of layer_norm.
#include "graph/rule.h"

namespace ipfs_accelerate {

Result<Dims> op::LayerNorm::infer(const Rule& rule) const {
  IA_ASSIGN(Dims dims, rule.value(x, "x", Dtype::kF32, 0));
  IA_ASSIGN(std::int64_t columns, rule.columns(dims, "x"));
  if (!gamma) return rule.wrong("gamma is missing");
  IA_TRY(rule.optional_vector(gamma, "gamma", columns));
  IA_TRY(rule.optional_vector(beta, "beta", columns));
  IA_TRY(rule.optional_value(residual, "residual", Dtype::kF32, dims));
  return dims;
}

}  // namespace ipfs_accelerate
