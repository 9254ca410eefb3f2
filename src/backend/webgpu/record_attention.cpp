// Recording of attention: which of its kernels fits the shape and the device.
#include "backend/quirks.h"
#include "backend/webgpu/recorder.h"

namespace ipfs_accelerate::webgpu {
namespace {

/// 16-byte units of workgroup memory that attention_matrix needs.
std::int64_t matrix_units(std::int64_t queries, std::int64_t keys, std::int64_t head_dim) {
  return 2 * keys * (head_dim / 8 + 1) + queries * (keys / 4 + 1 + head_dim / 4 + 1) + keys / 4;
}

}  // namespace

Result<> Recorder::record_attention_matrix(const Node& node, const op::Attention& op, std::int64_t parts,
                                           std::int64_t keys) {
  const std::int64_t side = capabilities_.subgroup_matrix;
  Kernel made = kernel("attention_matrix");
  if (quirk("spell_out_subgroup_matrix_zero", capabilities_.device)) made.set("SPELL_OUT_SUM", 1);
  made.set("MATRIX", 1).set("SIDE", side).set("SUBGROUP", capabilities_.subgroup_max_size).set("PARTS", parts);
  made.set("KEYS", keys).set("KEY_STEPS", keys / side).set("HEAD_STEPS", op.head_dim / side);
  const std::int64_t lanes_per_row = capabilities_.subgroup_max_size / side;
  made.set("SCORES_PER_LANE", keys / 4 / lanes_per_row).set("HALF_SCORES", keys / 8 / lanes_per_row);
  made.set("OUT_PER_LANE", op.head_dim / 4 / lanes_per_row);
  made.set("HEADS", op.heads).set("HEAD_DIM", op.head_dim).set_float("SCALE", op.scale);
  made.read("qkv", value(op.qkv), 8);
  if (op.mask != kNoValue) made.read("mask", value(op.mask), 1);
  if (op.bias != kNoValue) made.read("bias", value(op.bias), 1);
  made.write("y", result(node.output), 4);
  const std::int64_t queries = side * parts;
  note("subgroup matrices");
  return dispatch(
      node, made,
      {std::uint32_t((shape_.sequence + queries - 1) / queries), std::uint32_t(op.heads), std::uint32_t(shape_.batch)});
}

Result<> Recorder::record(const Node& node, const op::Attention& op) {
  const std::int64_t side = capabilities_.subgroup_matrix, subgroup = capabilities_.subgroup_max_size;
  if (side != 0 && half_ && layout_of(op.qkv) == Layout::kF16 && op.head_dim % side == 0 &&
      capabilities_.subgroup_min_size == subgroup && subgroup % side == 0) {
    // Few workgroups finish sooner with more keys per step; many want little workgroup memory each (bench/RESULTS.md).
    const bool small = (shape_.sequence + 63) / 64 * op.heads * shape_.batch < 128;
    const std::int64_t parts = tuned("attention.parts", small ? 2 : 4);
    for (std::int64_t keys = tuned("attention.keys", small ? 128 : 32); keys >= 32; keys /= 2) {
      if (matrix_units(side * parts, keys, op.head_dim) * 16 > capabilities_.max_workgroup_storage) continue;
      return record_attention_matrix(node, op, parts, keys);
    }
  }
  Kernel made = kernel("attention");
  const int lanes = op.head_dim % 4 == 0 ? 4 : 1;
  const std::int64_t tile = op.head_dim <= 64    ? 16
                            : op.head_dim <= 128 ? 8
                                                 : 4;  // keys and values fit 16 KiB of workgroup memory
  made.set("HEADS", op.heads).set("HEAD_DIM", op.head_dim).set("LANES", lanes);
  made.set("TILE", tile).set("QUERIES", 64).set_float("SCALE", op.scale);
  made.set("VEC4", lanes == 4).set("UNIT_COUNT", op.head_dim / lanes).read("qkv", value(op.qkv), lanes);
  if (op.mask != kNoValue) made.read("mask", value(op.mask), 1);
  if (op.bias != kNoValue) made.read("bias", value(op.bias), 1);
  made.write("y", result(node.output), lanes);
  return dispatch(node, made,
                  {std::uint32_t((shape_.sequence + 63) / 64), std::uint32_t(op.heads), std::uint32_t(shape_.batch)});
}

}  // namespace ipfs_accelerate::webgpu
