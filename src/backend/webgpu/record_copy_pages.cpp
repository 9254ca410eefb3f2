// Recording of copy_pages.
#include "backend/webgpu/ops.h"

namespace ipfs_accelerate::webgpu {

Result<> record(const op::CopyPages& op, const Node& node, Recorder& r) {
  const int lanes = r.last_dim(node.output) % 4 == 0 ? 4 : 1;
  const std::int64_t units = kPageRows * r.last_dim(node.output) / lanes;
  Kernel made = r.kernel("copy_pages");
  made.set("PAGE_UNITS", units).count("PAGES", r.dims_of(node.output).first(1));
  made.read("source_pages", r.value(op.from), 1).read("target_pages", r.value(op.to), 1);
  made.write("state", r.value(node.output), lanes);
  return r.dispatch(node, made, {tiles(units, 64), std::uint32_t(r.size_of(op.from, 0)), 1});
}

}  // namespace ipfs_accelerate::webgpu
