// Recording of select_rows.
#include "backend/webgpu/ops.h"

namespace ipfs_accelerate::webgpu {

Result<> record(const op::SelectRows& op, const Node& node, Recorder& r) {
  Kernel made = r.kernel("select_rows");
  made.set("COLUMNS", r.last_dim(op.x)).count("X_ROWS", r.row_dims_of(op.x)).count("PICKED", r.dims_of(op.rows));
  made.read("x", r.value(op.x), 1).read("rows", r.value(op.rows), 1).write("y", r.value(node.output), 1);
  return r.dispatch(node, made, r.row_grid(r.size_of(op.rows, 0)));
}

}  // namespace ipfs_accelerate::webgpu
