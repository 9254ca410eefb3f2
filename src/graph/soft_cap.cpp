// Shape rule of soft_cap.
#include "graph/rule.h"

namespace ipfs_accelerate {

Result<Dims> op::SoftCap::infer(const Rule& rule) const {
  constexpr float kLeast = 0.01f, kMost = 100;  // drivers know tanh to 1e-7, not of its value but as such
  IA_ASSIGN(Dims dims, rule.value(x, "x", Dtype::kF32, 0));
  IA_TRY(rule.columns(dims, "x"));
  if (!(cap >= kLeast && cap <= kMost))
    return rule.wrong("the cap is {}, from {} to {} can be used", cap, kLeast, kMost);
  return dims;
}

}  // namespace ipfs_accelerate
