// Shape rule of pool.
#include "graph/rule.h"

namespace ipfs_accelerate {

Result<Dims> op::Pool::infer(const Rule& rule) const {
  IA_ASSIGN(Dims dims, rule.value(x, "x", Dtype::kF32, 3));
  IA_TRY(rule.optional_value(mask, "mask", Dtype::kI32, {dims[0], dims[1]}));
  return Dims{dims[0], dims[2]};
}

std::string_view name_of(PoolMode mode) {
  constexpr std::string_view kNames[] = {"mean", "cls", "max", "mean_sqrt_length", "last_token", "weighted_mean"};
  return kNames[static_cast<std::size_t>(mode)];
}

}  // namespace ipfs_accelerate
