// Recording of rms_norm: layer_norm's row without its mean.
#include "backend/webgpu/ops.h"

namespace ipfs_accelerate::webgpu {

Result<> record(const op::RmsNorm& op, const Node& node, Recorder& r) {
  const std::int64_t width = r.last_dim(op.x);
  const int lanes = width % 4 == 0 ? 4 : 1;
  Kernel made = r.kernel("rms_norm");
  const std::int64_t rows_each = r.set_row(made, width);
  made.set("RMS", 1).set_float("EPSILON", op.epsilon).count("ROWS", r.row_dims_of(op.x));
  made.read("x", r.value(op.x), lanes).read("gamma", r.weight(op.gamma, Dtype::kF32), lanes);
  made.write("y", r.value(node.output), lanes);
  return r.dispatch(node, made, r.row_grid(r.rows_of(op.x), rows_each));
}

}  // namespace ipfs_accelerate::webgpu
