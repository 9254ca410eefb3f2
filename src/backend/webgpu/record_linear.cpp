// Recording of linear: which of its kernels fits the shape and the device.
#include "backend/webgpu/recorder.h"

namespace ipfs_accelerate::webgpu {
namespace {

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

std::uint32_t tiles(std::int64_t size, std::int64_t tile) { return std::uint32_t((size + tile - 1) / tile); }

}  // namespace

Result<> Recorder::record(const Node& node, const op::Linear& op) {
  const std::int64_t m = rows_of(op.x), k = last_dim(op.x), n = last_dim(node.output);
  const bool vectors = k % 4 == 0;
  const bool few = vectors && m <= 8, aligned = vectors && !few && n % 4 == 0;
  const int lanes = vectors ? 4 : 1, out_lanes = aligned ? 4 : 1;
  Kernel made = kernel(few ? "linear_few" : vectors ? "linear_tile" : "linear_any");
  made.set("N", n).set("K", k).set("K4", k / 4).set("ALIGNED", aligned).count("M", graph_.values[op.x]);
  // Without alignment the epilogue of linear_tile works on single values.
  made.alias("ACT_TYPE", aligned ? "vec4<f32>" : "f32");
  set_activation(made, op.activation);
  made.read("x", value(op.x), lanes).read("weight", weight(op.weight, weight_layout()), lanes);
  if (op.bias != kNoWeight) made.read("bias", weight(op.bias, Layout::kF32), out_lanes);
  if (op.residual != kNoValue) made.read("residual", value(op.residual), out_lanes);
  made.write("y", result(node.output), out_lanes);
  if (few) {
    made.set("THREADS", 64).set("ROWS_AT_ONCE", 8);
    return dispatch(node, made, {tiles(n, 4), tiles(m, 8), 1});
  }
  if (!vectors) return dispatch(node, made, {tiles(n, 64), std::uint32_t(std::min<std::int64_t>(m, 65535)), 1});
  const bool large = m >= 128 && n >= 128;
  made.set("PER_M", large ? 8 : 4).set("PER_N4", 1);
  return dispatch(node, made, {tiles(n, 64), tiles(m, large ? 128 : 64), 1});
}

}  // namespace ipfs_accelerate::webgpu
