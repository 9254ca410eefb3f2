// Recording of relative_bias: the bucket of every distance comes ready in a constant buffer.
#include <cstring>

#include "backend/webgpu/ops.h"

namespace ipfs_accelerate::webgpu {

Result<> record(const op::RelativeBias& op, const Node& node, Recorder& r) {
  const std::int64_t length = r.size_of(node.output, 1), heads = r.graph().weight(op.table).shape[1];
  std::vector<std::int32_t> buckets;
  for (std::int64_t distance = 1 - length; distance < length; ++distance)
    buckets.push_back(relative_bucket(distance, op));
  Bytes data(buckets.size() * 4);
  std::memcpy(data.data(), buckets.data(), data.size());
  Kernel made = r.kernel("relative_bias");
  made.set("HEADS", heads).count("LENGTH", {&op.length, 1}).read("table", r.weight(op.table, Dtype::kF32), 1);
  made.read("buckets", r.constant(std::move(data), Dtype::kI32), 1).write("y", r.value(node.output), 1);
  return r.dispatch(node, made, {tiles(length, 64), std::uint32_t(length), std::uint32_t(heads)});
}

}  // namespace ipfs_accelerate::webgpu
