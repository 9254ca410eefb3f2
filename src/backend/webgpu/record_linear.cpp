// Recording of linear: which of its kernels fits the shape and the device.
#include <algorithm>
#include <format>

#include "backend/quirks.h"
#include "backend/webgpu/ops.h"

namespace ipfs_accelerate::webgpu {
void set_activation(Kernel& kernel, Activation activation) {
  switch (activation) {
    case Activation::kNone: kernel.set("NO_ACTIVATION", 1); break;
    case Activation::kGelu: kernel.set("GELU", 1); break;
    case Activation::kGeluTanh: kernel.set("GELU_TANH", 1); break;
    case Activation::kRelu: kernel.set("RELU", 1); break;
    case Activation::kTanh: kernel.set("TANH", 1); break;
    case Activation::kSilu: kernel.set("SILU", 1); break;
  }
}

namespace {

/// How linear_matrix cuts the work: fm x fn matrices per subgroup, wm x wn subgroups, kt of the row length per step,
/// and whether the next step's tile has its own room (2 stages) or takes the place of this one's.
struct MatrixTile {
  std::int64_t fm, fn, wm, wn, kt, stages;
};
/// Sizes in the comments are for matrices of side 16. Others that were tried, and lost, are in bench/RESULTS.md.
constexpr MatrixTile kMatrixTiles[] = {
    {2, 2, 4, 4, 64, 1},   // 0: 128 x 128 by 16 subgroups
    {2, 3, 4, 2, 64, 1},   // 1: 128 x 96 by 8
    {2, 2, 2, 2, 128, 1},  // 2: 64 x 64 by 4
    {1, 1, 2, 2, 64, 2},   // 3: 32 x 32 by 4
    {1, 1, 2, 2, 128, 2},  // 4: 32 x 32 by 4, long steps
    {1, 1, 1, 2, 192, 2},  // 5: 16 x 32 by 2, longer steps
};
constexpr std::int64_t kSmallTile = 3;

std::int64_t workgroup_bytes(const MatrixTile& tile, std::int64_t side) {
  const std::int64_t rows = side * (tile.fm * tile.wm + tile.fn * tile.wn);
  return std::max(tile.stages * rows * (tile.kt / 8 + 1), side * (side * tile.fn / 4 + 1) * tile.wm * tile.wn) * 16;
}

/// The largest tile that still gives the cores of a large GPU a workgroup each; for few workgroups, longer steps.
std::int64_t default_tile(std::int64_t m, std::int64_t n, std::int64_t k) {
  if (tiles(m, 128) * tiles(n, 128) >= 128) return 0;
  if (tiles(m, 128) * tiles(n, 96) >= 64) return 1;
  if (tiles(m, 64) * tiles(n, 64) >= 64) return 2;
  if (tiles(m, 32) * tiles(n, 32) >= 96) return kSmallTile;
  return k >= 1024 ? 5 : 4;
}

Result<> record_matrix(const op::Linear& op, const Node& node, Recorder& r) {
  const std::int64_t m = r.rows_of(op.x), k = r.last_dim(op.x), n = r.last_dim(node.output),
                     side = r.capabilities().subgroup_matrix;
  std::int64_t choice = r.tuned(std::format("linear.{}.{}.{}", m, n, k), r.tuned("linear", default_tile(m, n, k)));
  const auto fits = [&](const MatrixTile& tile) {
    return workgroup_bytes(tile, side) <= r.capabilities().max_workgroup_storage &&
           r.capabilities().subgroup_max_size * tile.wm * tile.wn <= r.capabilities().max_workgroup_invocations;
  };
  if (choice < 0 || choice >= std::int64_t(std::size(kMatrixTiles)) || !fits(kMatrixTiles[choice])) choice = kSmallTile;
  const MatrixTile& tile = kMatrixTiles[choice];
  const std::int64_t threads = r.capabilities().subgroup_max_size * tile.wm * tile.wn;
  const std::int64_t tile_m = side * tile.fm * tile.wm, tile_n = side * tile.fn * tile.wn;
  Kernel made = r.kernel("linear_matrix");
  if (quirk("spell_out_subgroup_matrix_zero", r.capabilities().device)) made.set("SPELL_OUT_SUM", 1);
  made.set("MATRIX", 1).set("SIDE", side).set("SUBGROUP", r.capabilities().subgroup_max_size);
  made.set("FM", tile.fm).set("FN", tile.fn).set("WM", tile.wm).set("WN", tile.wn).set("KT", tile.kt);
  made.set("STAGES", tile.stages).set("ONE_STAGE", tile.stages == 1).set("STEPS", tile.kt / side);
  made.set("LOADS_X", tile_m * tile.kt / 8 / threads).set("LOADS_W", tile_n * tile.kt / 8 / threads);
  made.set("N", n)
      .set("K", k)
      .set("TAIL", k % tile.kt != 0)
      .count("M", r.row_dims_of(op.x))
      .alias("ACT_TYPE", "vec4<f32>");
  set_activation(made, op.activation);
  made.read("x", r.value(op.x), 8).read("weight", r.weight(op.weight, Dtype::kF16), 8);
  if (op.bias) made.read("bias", r.weight(op.bias, Dtype::kF32), 4);
  if (op.residual) made.read("residual", r.value(op.residual), 4);
  made.write("y", r.value(node.output), 4);
  r.note("subgroup matrices");
  return r.dispatch(node, made, {tiles(n, tile_n), tiles(m, tile_m), 1});
}

}  // namespace

Result<> record(const op::Linear& op, const Node& node, Recorder& r) {
  const std::int64_t m = r.rows_of(op.x), k = r.last_dim(op.x), n = r.last_dim(node.output);
  const bool vectors = k % 4 == 0;
  const bool few = vectors && m <= 8, aligned = vectors && !few && n % 4 == 0;
  const bool matrix = r.capabilities().subgroup_matrix != 0 && r.half() && r.dtype_of(op.x) == Dtype::kF16 &&
                      r.capabilities().subgroup_min_size == r.capabilities().subgroup_max_size;
  if (matrix && m >= 16 && k % 8 == 0 && n % 4 == 0) return record_matrix(op, node, r);
  const int lanes = vectors ? 4 : 1, out_lanes = aligned ? 4 : 1;
  Kernel made = r.kernel(few ? "linear_few" : vectors ? "linear_tile" : "linear_any");
  made.set("N", n).set("K", k).set("K4", k / 4).set("ALIGNED", aligned).count("M", r.row_dims_of(op.x));
  // Without alignment the epilogue works on single values.
  made.alias("ACT_TYPE", aligned ? "vec4<f32>" : "f32");
  set_activation(made, op.activation);
  made.read("x", r.value(op.x), lanes).read("weight", r.weight(op.weight, r.weight_dtype()), lanes);
  if (op.bias) made.read("bias", r.weight(op.bias, Dtype::kF32), out_lanes);
  if (op.residual) made.read("residual", r.value(op.residual), out_lanes);
  if (few) {
    made.set("THREADS", 64).set("ROWS_AT_ONCE", 8).write("y", r.value(node.output), out_lanes);
    return r.dispatch(node, made, {tiles(n, 4), tiles(m, 8), 1});
  }
  if (!vectors) {
    made.write("y", r.value(node.output), out_lanes);
    return r.dispatch(node, made, {tiles(n, 64), std::uint32_t(std::min<std::int64_t>(m, 65535)), 1});
  }
  // Few rows: small tiles for more workgroups, and long steps, because each step waits for memory (bench/RESULTS.md).
  const bool large = tiles(n, 64) * tiles(m, 128) >= 256, small = tiles(n, 64) * tiles(m, 64) < 64;
  const std::int64_t per_m = r.tuned("linear_tile.per_m", large   ? 8
                                                          : small ? 2
                                                                  : 4),
                     per_n4 = r.tuned("linear_tile.per_n4", 1);
  std::int64_t kt = r.tuned("linear_tile.kt", large ? 16 : small ? 64 : 32);
  while (kt > 16 && kt * (16 * per_m + 4 + 64 * per_n4 + 4) * 4 > r.capabilities().max_workgroup_storage) kt /= 2;
  made.set("PER_M", per_m).set("PER_N4", per_n4).set("KT", kt).write("y", r.value(node.output), out_lanes);
  return r.dispatch(node, made, {tiles(n, 64 * per_n4), tiles(m, 16 * per_m), 1});
}

}  // namespace ipfs_accelerate::webgpu
