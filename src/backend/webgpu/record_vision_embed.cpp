// Recording of vision_embed: where interpolated positions come from lies ready in constant buffers.
#include <cstring>

#include "backend/webgpu/ops.h"

namespace ipfs_accelerate::webgpu {
namespace {

template <class T>
Bytes bytes_of(const std::vector<T>& numbers) {
  Bytes data(numbers.size() * sizeof(T));
  std::memcpy(data.data(), numbers.data(), data.size());
  return data;
}

/// Taps of every row of patches, then of every column.
void read_taps(Kernel& made, Recorder& r, const std::vector<Taps>& down, const std::vector<Taps>& across) {
  std::vector<std::int32_t> places;
  std::vector<float> weights;
  for (const auto* taps : {&down, &across}) {
    for (const Taps& one : *taps) {
      places.append_range(one.at);
      weights.append_range(one.weight);
    }
  }
  made.read("places", r.constant(bytes_of(places), Dtype::kI32), 1);
  made.read("weights", r.constant(bytes_of(weights), Dtype::kF32), 1);
}

}  // namespace

Result<> record(const op::VisionEmbed& op, const Node& node, Recorder& r) {
  const PositionTable table = position_table(r.graph(), op);
  const std::int64_t rows = r.bind(op.rows), columns = r.bind(op.columns);
  Kernel made = r.kernel("vision_embed");
  made.set("COLUMNS", r.last_dim(node.output)).set("PREFIX", table.prefix).set("SIDE", table.side);
  made.count("ROWS", r.row_dims_of(node.output)).count("TOKENS", {&op.tokens, 1});
  made.count("PATCHES", r.dims_of(op.x).subspan(1, 1)).count("DOWN", {&op.rows, 1}).count("ACROSS", {&op.columns, 1});
  made.read("x", r.value(op.x), 1).read("position", r.weight(op.position, r.weight_dtype()), 1);
  if (op.prefix) made.read("prefix", r.weight(op.prefix, r.weight_dtype()), 1);
  if (rows != table.side || columns != table.side) {
    read_taps(made, r, cubic_taps(table.side, rows), cubic_taps(table.side, columns));
  }
  made.write("y", r.value(node.output), 1);
  return r.dispatch(node, made, r.row_grid(r.rows_of(node.output)));
}

}  // namespace ipfs_accelerate::webgpu
