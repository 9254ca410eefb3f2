// Recording of layer_norm.
#include "backend/webgpu/ops.h"

namespace ipfs_accelerate::webgpu {

Result<> record(const op::LayerNorm& op, const Node& node, Recorder& r) {
  const std::int64_t width = r.last_dim(op.x), rows = r.rows_of(op.x);
  const int lanes = width % 4 == 0 ? 4 : 1;
  Kernel made = r.kernel("layer_norm");
  const std::int64_t rows_each = r.set_row(made, width);
  made.set_float("EPSILON", op.epsilon).count("ROWS", r.row_dims_of(op.x));
  made.read("x", r.value(op.x), lanes);
  if (op.residual) made.read("residual", r.value(op.residual), lanes);
  made.read("gamma", r.weight(op.gamma, Dtype::kF32), lanes);
  if (op.beta) made.read("beta", r.weight(op.beta, Dtype::kF32), lanes);
  made.write("y", r.value(node.output), lanes);
  return r.dispatch(node, made, r.row_grid(rows, rows_each));
}

}  // namespace ipfs_accelerate::webgpu
