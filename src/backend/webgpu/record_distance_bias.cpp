// Recording of distance_bias: the bucket of every distance comes ready in a constant buffer.
#include <cstring>

#include "backend/webgpu/ops.h"

namespace ipfs_accelerate::webgpu {

Result<> record(const op::DistanceBias& op, const Node& node, Recorder& r) {
  const Shape& table = r.graph().weight(op.table).shape;
  const auto buckets = distance_buckets(op, table[0]);
  Bytes data(buckets.size() * 4);
  std::memcpy(data.data(), buckets.data(), data.size());
  Kernel made = r.kernel("distance_bias");
  made.set("HEADS", table[1]).set("DISTANCES", op.distances).read("table", r.weight(op.table, Dtype::kF32), 1);
  made.read("buckets", r.constant(std::move(data), Dtype::kI32), 1).write("y", r.value(node.output), 1);
  return r.dispatch(node, made, {tiles(op.distances, 64), std::uint32_t(table[1]), 1});
}

}  // namespace ipfs_accelerate::webgpu
