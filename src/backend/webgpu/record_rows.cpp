// Recording of the row-wise ops: embed, layer_norm, normalize, select_rows, pool, relative_bias.
#include <cmath>
#include <cstring>

#include "backend/webgpu/recorder.h"

namespace ipfs_accelerate::webgpu {
namespace {

/// Bucket of a distance j - i, as T5 and MPNet define it (transformers, modeling_mpnet.py); f32 logarithms on purpose.
std::int32_t bucket_of(std::int64_t distance, const op::RelativeBias& op) {
  std::int64_t buckets = op.buckets, bucket = 0;
  if (op.bidirectional) {
    buckets /= 2;
    if (distance > 0) bucket = buckets;
    distance = std::abs(distance);
  } else {
    distance = distance < 0 ? -distance : 0;
  }
  const std::int64_t exact = buckets / 2;
  if (distance < exact) return std::int32_t(bucket + distance);
  const float part =
      std::log(float(distance) / float(exact)) / float(std::log(double(op.max_distance) / double(exact)));
  return std::int32_t(bucket + std::min(exact + std::int64_t(part * float(buckets - exact)), buckets - 1));
}

/// Invocations for a row of `columns` units: enough to keep a few units each.
std::int64_t threads_for(std::int64_t columns) { return columns <= 128 ? 64 : columns <= 512 ? 128 : 256; }

}  // namespace

std::int64_t Recorder::set_row(Kernel& kernel, std::int64_t width) const {
  const std::int64_t lanes = width % 4 == 0 ? 4 : 1, columns = width / lanes;
  // A subgroup of its own for each row needs no barrier; long rows take a workgroup.
  const std::int64_t subgroup = fixed_subgroup();
  const bool own = subgroup >= 8 && columns <= subgroup * 8;
  const std::int64_t threads = own ? subgroup : threads_for(columns), rows = own ? 4 : 1;
  kernel.set("VEC4", lanes == 4).set("LANES", lanes).set("COLUMNS", columns).set("THREADS", threads);
  kernel.set("PER_LANE", (columns + threads - 1) / threads).set("GROUP_ROWS", rows).set("SUBGROUP_ROWS", own);
  return rows;
}

Result<> Recorder::record(const Node& node, const op::Embed& op) {
  const std::int64_t width = last_dim(node.output);
  const int lanes = width % 4 == 0 ? 4 : 1;
  Kernel made = kernel("embed");
  const std::int64_t rows_each = set_row(made, width);
  made.set_float("EPSILON", op.epsilon);
  const auto table = [&](const char* name, const char* size, WeightId id) {
    made.set(size, graph_.weights[id].shape[0]).read(name, weight(id, weight_layout()), lanes);
  };
  made.read("ids", value(op.ids), 1);
  table("word", "WORDS", op.word);
  if (op.position != kNoWeight && op.position_ids != kNoValue) {
    made.read("position_ids", value(op.position_ids), 1);
    table("position", "POSITIONS", op.position);
  }
  if (op.type != kNoWeight && op.type_ids != kNoValue) {
    made.read("type_ids", value(op.type_ids), 1);
    table("kind", "TYPES", op.type);
  }
  if (op.gamma != kNoWeight) made.read("gamma", weight(op.gamma, Layout::kF32), lanes);
  if (op.gamma != kNoWeight && op.beta != kNoWeight) made.read("beta", weight(op.beta, Layout::kF32), lanes);
  made.write("y", result(node.output), lanes);
  return dispatch(node, made, row_grid(shape_.batch * shape_.sequence, rows_each));
}

Result<> Recorder::record(const Node& node, const op::LayerNorm& op) {
  const std::int64_t width = last_dim(op.x), rows = rows_of(op.x);
  const int lanes = width % 4 == 0 ? 4 : 1;
  Kernel made = kernel("layer_norm");
  const std::int64_t rows_each = set_row(made, width);
  made.set_float("EPSILON", op.epsilon).count("ROWS", graph_.values[op.x]);
  made.read("x", value(op.x), lanes);
  if (op.residual != kNoValue) made.read("residual", value(op.residual), lanes);
  made.read("gamma", weight(op.gamma, Layout::kF32), lanes);
  if (op.beta != kNoWeight) made.read("beta", weight(op.beta, Layout::kF32), lanes);
  made.write("y", result(node.output), lanes);
  return dispatch(node, made, row_grid(rows, rows_each));
}

Result<> Recorder::record(const Node& node, const op::Normalize& op) {
  const std::int64_t width = last_dim(op.x);
  Kernel made = kernel("normalize");
  made.set("COLUMNS", width).set("THREADS", threads_for(width)).set_float("EPSILON", op.epsilon);
  made.count("ROWS", graph_.values[op.x]);
  made.read("x", value(op.x), 1).write("y", result(node.output), 1);
  return dispatch(node, made, row_grid(rows_of(op.x)));
}

Result<> Recorder::record(const Node& node, const op::SelectRows& op) {
  Kernel made = kernel("select_rows");
  made.set("COLUMNS", last_dim(op.x)).count("X_ROWS", graph_.values[op.x]);
  made.read("x", value(op.x), 1).read("rows", value(op.rows), 1).write("y", result(node.output), 1);
  return dispatch(node, made, row_grid(shape_.rows));
}

Result<> Recorder::record(const Node& node, const op::Pool& op) {
  const std::int64_t width = last_dim(op.x);
  Kernel made = kernel("pool");
  made.set("COLUMNS", width).set("MODE", std::int64_t(op.mode)).set("TOKEN_LANES", 16);
  made.read("x", value(op.x), 1);
  if (op.mask != kNoValue) made.read("mask", value(op.mask), 1);
  made.write("y", result(node.output), 1);
  return dispatch(node, made, {std::uint32_t((width + 15) / 16), std::uint32_t(shape_.batch), 1});
}

Result<> Recorder::record(const Node& node, const op::RelativeBias& op) {
  const std::int64_t sequence = shape_.sequence, heads = graph_.weights[op.table].shape[1];
  std::vector<std::int32_t> buckets;
  for (std::int64_t distance = 1 - sequence; distance < sequence; ++distance)
    buckets.push_back(bucket_of(distance, op));
  Bytes data(buckets.size() * 4);
  std::memcpy(data.data(), buckets.data(), data.size());
  Kernel made = kernel("relative_bias");
  made.set("HEADS", heads).read("table", weight(op.table, Layout::kF32), 1);
  made.read("buckets", constant(std::move(data), Layout::kI32), 1).write("y", result(node.output), 1);
  return dispatch(node, made, {std::uint32_t((sequence + 63) / 64), std::uint32_t(sequence), std::uint32_t(heads)});
}

}  // namespace ipfs_accelerate::webgpu
