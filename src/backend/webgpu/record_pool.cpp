// Recording of pool.
#include "backend/webgpu/ops.h"

namespace ipfs_accelerate::webgpu {

Result<> record(const op::Pool& op, const Node& node, Recorder& r) {
  const std::int64_t width = r.last_dim(op.x);
  Kernel made = r.kernel("pool");
  made.set("COLUMNS", width).set("MODE", std::int64_t(op.mode)).set("TOKEN_LANES", 16);
  made.count("SEQUENCE", r.dims_of(op.x).subspan(1, 1));
  made.read("x", r.value(op.x), 1);
  if (op.mask) made.read("mask", r.value(op.mask), 1);
  made.write("y", r.value(node.output), 1);
  return r.dispatch(node, made, {tiles(width, 16), std::uint32_t(r.size_of(op.x, 0)), 1});
}

}  // namespace ipfs_accelerate::webgpu
