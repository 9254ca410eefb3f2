// Recording of embed.
#include "backend/webgpu/ops.h"

namespace ipfs_accelerate::webgpu {

Result<> record(const op::Embed& op, const Node& node, Recorder& r) {
  const std::int64_t width = r.last_dim(node.output);
  const int lanes = width % 4 == 0 ? 4 : 1;
  Kernel made = r.kernel("embed");
  const std::int64_t rows_each = r.set_row(made, width);
  made.set_float("EPSILON", op.epsilon).count("ROWS", r.dims_of(op.ids));
  const auto table = [&](const char* name, const char* size, WeightId id) {
    made.set(size, r.graph().weight(id).shape[0]).read(name, r.weight(id, r.weight_dtype()), lanes);
  };
  made.read("ids", r.value(op.ids), 1);
  table("word", "WORDS", op.word);
  if (op.position && op.position_ids) {
    made.read("position_ids", r.value(op.position_ids), 1);
    table("position", "POSITIONS", op.position);
  }
  if (op.type) {
    if (op.type_ids) made.read("type_ids", r.value(op.type_ids), 1);
    table("kind", "TYPES", op.type);
  }
  if (op.gamma) made.read("gamma", r.weight(op.gamma, Dtype::kF32), lanes);
  if (op.gamma && op.beta) made.read("beta", r.weight(op.beta, Dtype::kF32), lanes);
  made.write("y", r.value(node.output), lanes);
  return r.dispatch(node, made, r.row_grid(r.rows_of(node.output), rows_each));
}

}  // namespace ipfs_accelerate::webgpu
