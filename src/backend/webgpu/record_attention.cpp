// Recording of attention: which of its kernels fits the shape and the device.
#include "backend/webgpu/recorder.h"

namespace ipfs_accelerate::webgpu {

Result<> Recorder::record(const Node& node, const op::Attention& op) {
  Kernel made = kernel("attention");
  const std::int64_t tile = op.head_dim <= 64 ? 16 : 8;  // keys and values of a tile fit 16 KiB of workgroup memory
  made.set("HEADS", op.heads).set("HEAD_DIM", op.head_dim).set("HEAD4_COUNT", op.head_dim / 4);
  made.set("TILE", tile).set("QUERIES", 64).set_float("SCALE", op.scale);
  made.read("qkv", value(op.qkv), 4);
  if (op.mask != kNoValue) made.read("mask", value(op.mask), 1);
  if (op.bias != kNoValue) made.read("bias", value(op.bias), 1);
  made.write("y", result(node.output), 4);
  return dispatch(node, made,
                  {std::uint32_t((shape_.sequence + 63) / 64), std::uint32_t(op.heads), std::uint32_t(shape_.batch)});
}

}  // namespace ipfs_accelerate::webgpu
