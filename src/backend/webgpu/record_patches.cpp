// Recording of patches.
#include "backend/webgpu/ops.h"

namespace ipfs_accelerate::webgpu {

Result<> record(const op::Patches& op, const Node& node, Recorder& r) {
  const auto pixels = r.dims_of(op.pixels);
  Kernel made = r.kernel("patches");
  made.set("SIZE", op.size).set("CHANNELS", pixels[1].size).set("COLUMNS", r.last_dim(node.output));
  made.count("HEIGHT", pixels.subspan(2, 1)).count("WIDTH", pixels.subspan(3, 1));
  made.count("ACROSS", {&op.columns, 1}).count("PATCHES", {&op.count, 1}).count("ROWS", r.row_dims_of(node.output));
  made.read("x", r.value(op.pixels), 1).write("y", r.value(node.output), 1);
  return r.dispatch(node, made, r.row_grid(r.rows_of(node.output)));
}

}  // namespace ipfs_accelerate::webgpu
