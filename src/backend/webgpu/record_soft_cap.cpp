// Recording of soft_cap.
#include "backend/webgpu/ops.h"

namespace ipfs_accelerate::webgpu {

Result<> record(const op::SoftCap& op, const Node& node, Recorder& r) {
  const std::int64_t width = r.last_dim(op.x);
  const int lanes = width % 4 == 0 ? 4 : 1;
  const std::int64_t columns = width / lanes;
  Kernel made = r.kernel("soft_cap");
  made.alias("wide", lanes == 4 ? "vec4<f32>" : "f32").set_float("CAP", op.cap);
  made.set("COLUMNS", columns).set("THREADS", threads_for(columns)).count("ROWS", r.row_dims_of(op.x));
  made.read("x", r.value(op.x), lanes).write("y", r.value(node.output), lanes);
  return r.dispatch(node, made, r.row_grid(r.rows_of(op.x)));
}

}  // namespace ipfs_accelerate::webgpu
