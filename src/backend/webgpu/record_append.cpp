// Recording of append.
#include "backend/webgpu/ops.h"

namespace ipfs_accelerate::webgpu {

Result<> record(const op::Append& op, const Node& node, Recorder& r) {
  const std::int64_t width = r.last_dim(node.output), from = r.last_dim(op.x.value);
  const int lanes = width % 4 == 0 && from % 4 == 0 && op.x.first % 4 == 0 ? 4 : 1;
  Kernel made = r.kernel("append");
  made.set("UNITS", width / lanes).set("X_ROW", from / lanes).set("X_FIRST", op.x.first / lanes);
  made.set("PAGE_ROWS", kPageRows).set("TABLE", r.last_dim(op.paging.table));
  made.count("ROWS", r.dims_of(op.x.value).subspan(1, 1)).count("PAGES", r.dims_of(node.output).first(1));
  made.read("x", r.value(op.x.value), lanes).read("pages", r.value(op.paging.table), 1);
  made.read("lengths", r.value(op.paging.lengths), 1).read("counts", r.value(op.paging.counts), 1);
  made.write("state", r.value(node.output), lanes);
  return r.dispatch(
      node, made,
      {tiles(width / lanes, 64), std::uint32_t(r.size_of(op.x.value, 1)), std::uint32_t(r.size_of(op.x.value, 0))});
}

}  // namespace ipfs_accelerate::webgpu
