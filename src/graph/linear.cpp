// Shape rule of linear.
#include "graph/rule.h"

namespace ipfs_accelerate {

Result<Dims> op::Linear::infer(const Rule& rule) const {
  IA_ASSIGN(Dims dims, rule.value(x, "x", Dtype::kF32, 0));
  IA_ASSIGN(std::int64_t columns, rule.columns(dims, "x"));
  IA_ASSIGN(const Shape matrix, rule.matrix(weight, "weight"));
  if (columns != matrix[1])
    return rule.wrong("x has {} columns, weight {} needs {}", columns, shape_text(matrix), matrix[1]);
  dims.back() = dim(matrix[0]);
  IA_TRY(rule.optional_vector(bias, "bias", matrix[0]));
  IA_TRY(rule.optional_value(residual, "residual", Dtype::kF32, dims));
  return dims;
}

std::string_view name_of(Activation activation) {
  constexpr std::string_view kNames[] = {"none", "gelu", "gelu_tanh", "relu", "tanh", "silu"};
  return kNames[static_cast<std::size_t>(activation)];
}

}  // namespace ipfs_accelerate
