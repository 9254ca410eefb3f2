// Recording of attention: which of its kernels fits the shape and the device.
#include <format>

#include "backend/quirks.h"
#include "backend/webgpu/ops.h"

namespace ipfs_accelerate::webgpu {
namespace {

/// 16-byte units of workgroup memory that attention_matrix needs.
std::int64_t matrix_units(std::int64_t queries, std::int64_t keys, std::int64_t head_dim) {
  return 2 * keys * (head_dim / 8 + 1) + queries * (keys / 4 + 1 + head_dim / 4 + 1) + keys / 4;
}

/// What both kernels read: q, k and v in units of `lanes` numbers, mask and bias.
void set_inputs(const op::Attention& op, Kernel& kernel, Recorder& r, int lanes) {
  const auto columns = [&](const char* name, const char* row, const char* first, const Columns& from) {
    kernel.set(row, r.last_dim(from.value) / lanes)
        .set(first, from.first / lanes)
        .read(name, r.value(from.value), lanes);
  };
  columns("q_in", "Q_ROW", "Q_FIRST", op.q);
  columns("k", "K_ROW", "K_FIRST", op.k);
  columns("v", "V_ROW", "V_FIRST", op.v);
  kernel.count("QUERIES", r.dims_of(op.q.value).subspan(1, 1));
  kernel.set("HEADS", op.heads).set("KV_HEADS", op.kv_heads).set("HEAD_DIM", op.head_dim).set_float("SCALE", op.scale);
  if (op.mask) kernel.read("mask", r.value(op.mask), 1);
  if (op.bias) kernel.read("bias", r.value(op.bias), 1);
}

/// Where keys lie: side by side, or in pages of a state.
void set_keys(const op::Attention& op, Kernel& kernel, Recorder& r) {
  const auto keys = r.dims_of(op.k.value);
  if (!op.paging.table) {
    kernel.count("KEYS", keys.subspan(1, 1));
    return;
  }
  kernel.set("PAGED", 1).set("TABLE", r.last_dim(op.paging.table)).set("PAGE_ROWS", kPageRows);
  kernel.count("PAGES", keys.first(1)).read("pages", r.value(op.paging.table), 1);
  kernel.read("lengths", r.value(op.paging.lengths), 1);
  if (op.paging.counts) kernel.read("counts", r.value(op.paging.counts), 1);
  if (!op.distance_bias) return;
  kernel.set("DISTANCES", r.last_dim(op.distance_bias)).read("distance_bias", r.value(op.distance_bias), 1);
}

/// Whether rows and starts of q, k and v are whole units of `lanes` numbers.
bool in_units(const op::Attention& op, const Recorder& r, int lanes) {
  for (const Columns& columns : {op.q, op.k, op.v}) {
    if (r.last_dim(columns.value) % lanes != 0 || columns.first % lanes != 0) return false;
  }
  return op.head_dim % lanes == 0;
}

bool can_use_matrix(const op::Attention& op, const Recorder& r) {
  const Capabilities& device = r.capabilities();
  const std::int64_t side = device.subgroup_matrix, subgroup = device.subgroup_max_size;
  const auto half = [&](const Columns& columns) { return r.dtype_of(columns.value) == Dtype::kF16; };
  return side != 0 && r.half() && half(op.q) && half(op.k) && half(op.v) && op.head_dim % side == 0 &&
         in_units(op, r, 8) && device.subgroup_min_size == subgroup && subgroup % side == 0 && !op.causal &&
         op.soft_cap == 0 && !op.paging.table;
}

Result<> record_matrix(const op::Attention& op, const Node& node, Recorder& r, std::int64_t parts, std::int64_t keys) {
  const std::int64_t side = r.capabilities().subgroup_matrix;
  Kernel made = r.kernel("attention_matrix");
  if (quirk("spell_out_subgroup_matrix_zero", r.capabilities().device)) made.set("SPELL_OUT_SUM", 1);
  made.set("MATRIX", 1).set("SIDE", side).set("SUBGROUP", r.capabilities().subgroup_max_size).set("PARTS", parts);
  made.set("TILE_KEYS", keys).set("KEY_STEPS", keys / side).set("HEAD_STEPS", op.head_dim / side);
  const std::int64_t lanes_per_row = r.capabilities().subgroup_max_size / side;
  made.set("SCORES_PER_LANE", keys / 4 / lanes_per_row).set("HALF_SCORES", keys / 8 / lanes_per_row);
  made.set("OUT_PER_LANE", op.head_dim / 4 / lanes_per_row);
  set_inputs(op, made, r, 8);
  set_keys(op, made, r);
  made.write("y", r.value(node.output), 4);
  r.note("subgroup matrices");
  return r.dispatch(node, made,
                    {tiles(r.size_of(op.q.value, 1), side * parts), std::uint32_t(op.heads),
                     std::uint32_t(r.size_of(op.q.value, 0))});
}

}  // namespace

std::string declines(const op::Attention& op) {
  if (op.head_dim <= 256) return {};
  return std::format("attention with head_dim {}: the kernels take up to 256", op.head_dim);
}

Result<> record(const op::Attention& op, const Node& node, Recorder& r) {
  const std::int64_t batch = r.size_of(op.q.value, 0), queries = r.size_of(op.q.value, 1);
  if (can_use_matrix(op, r)) {
    // Few workgroups finish sooner with more keys per step; many want little workgroup memory each (bench/RESULTS.md).
    const bool small = tiles(queries, 64) * op.heads * batch < 128;
    const std::int64_t parts = r.tuned("attention.parts", small ? 2 : 4);
    for (std::int64_t keys = r.tuned("attention.keys", small ? 128 : 32); keys >= 32; keys /= 2) {
      const std::int64_t units = matrix_units(r.capabilities().subgroup_matrix * parts, keys, op.head_dim);
      if (units * 16 <= r.capabilities().max_workgroup_storage) return record_matrix(op, node, r, parts, keys);
    }
  }
  Kernel made = r.kernel("attention");
  const int lanes = in_units(op, r, 4) ? 4 : 1;
  const std::int64_t tile = op.head_dim <= 64    ? 16
                            : op.head_dim <= 128 ? 8
                                                 : 4;  // keys and values fit 16 KiB of workgroup memory
  made.set("LANES", lanes).set("VEC4", lanes == 4).set("UNIT_COUNT", op.head_dim / lanes);
  made.set("TILE", tile).set("ROWS_AT_ONCE", 64);
  made.set("SOFT_CAPPED", op.soft_cap != 0).set_float("SOFT_CAP", op.soft_cap);
  made.set("CAUSAL", op.causal).set("WINDOW", op.window);
  set_inputs(op, made, r, lanes);
  set_keys(op, made, r);
  made.write("y", r.value(node.output), lanes);
  return r.dispatch(node, made, {tiles(queries, 64), std::uint32_t(op.heads), std::uint32_t(batch)});
}

}  // namespace ipfs_accelerate::webgpu
