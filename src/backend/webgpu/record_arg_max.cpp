// Recording of arg_max.
#include "backend/webgpu/ops.h"

namespace ipfs_accelerate::webgpu {

Result<> record(const op::ArgMax& op, const Node& node, Recorder& r) {
  const std::int64_t width = r.last_dim(op.x);
  Kernel made = r.kernel("arg_max");
  made.set("COLUMNS", width).set("THREADS", threads_for(width)).count("ROWS", r.row_dims_of(op.x));
  made.read("x", r.value(op.x), 1).write("y", r.value(node.output), 1);
  return r.dispatch(node, made, r.row_grid(r.rows_of(op.x)));
}

}  // namespace ipfs_accelerate::webgpu
