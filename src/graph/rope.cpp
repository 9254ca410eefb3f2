// Shape rule of rope.
#include <cmath>

#include "graph/rule.h"

namespace ipfs_accelerate {
namespace {

constexpr std::int32_t kMostRotary = 2048;  // its sines and cosines must fit a workgroup's memory on WebGPU
constexpr float kMostFrequency = 1000;      // real ones are at most 1; the fraction of a turn must keep its digits

Result<> check_rotation(const op::Rope& op, const Rule& rule) {
  if (op.heads < 1 || op.head_dim < 1) return rule.wrong("{} heads of {} numbers", op.heads, op.head_dim);
  if (op.rotary_dim < 2 || op.rotary_dim % 2 != 0 || op.rotary_dim > std::min(op.head_dim, kMostRotary)) {
    return rule.wrong("rotary_dim {} is not an even number from 2 to {}", op.rotary_dim,
                      std::min(op.head_dim, kMostRotary));
  }
  if (op.frequencies.size() != static_cast<std::size_t>(op.rotary_dim) / 2) {
    return rule.wrong("{} frequencies for rotary_dim {}, half as many are needed", op.frequencies.size(),
                      op.rotary_dim);
  }
  for (const float frequency : op.frequencies) {
    if (std::abs(frequency) <= kMostFrequency) continue;  // a NaN is not
    return rule.wrong("the frequency {} is not within {}", frequency, kMostFrequency);
  }
  if (!std::isfinite(op.factor)) return rule.wrong("the factor is {}, a finite number is needed", op.factor);
  return {};
}

}  // namespace

Result<Dims> op::Rope::infer(const Rule& rule) const {
  IA_ASSIGN(Dims dims, rule.value(x, "x", Dtype::kF32, 3));
  IA_ASSIGN(std::int64_t columns, rule.columns(dims, "x"));
  if (!positions) return rule.wrong("positions is missing");
  IA_TRY(rule.optional_value(positions, "positions", Dtype::kI32, {dims[0], dims[1]}));
  IA_TRY(check_rotation(*this, rule));
  if (columns < std::int64_t{heads} * head_dim) {
    return rule.wrong("x has {} columns, {} heads of {} numbers need {}", columns, heads, head_dim,
                      std::int64_t{heads} * head_dim);
  }
  return dims;
}

}  // namespace ipfs_accelerate
