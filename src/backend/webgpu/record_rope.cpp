// Recording of rope: the frequencies come ready as turns per position, in fixed point.
#include <cmath>
#include <cstring>
#include <numbers>

#include "backend/webgpu/ops.h"

namespace ipfs_accelerate::webgpu {
namespace {

/// Of each frequency the fraction of a turn, 32 bits and 16 more: positions are whole, so whole turns do not matter.
Bytes fixed_turns(const std::vector<float>& frequencies) {
  std::vector<std::uint32_t> numbers;
  for (const float frequency : frequencies) {
    const double turns = static_cast<double>(frequency) / (2 * std::numbers::pi);
    const auto fixed = static_cast<std::uint64_t>(std::round(std::ldexp(turns - std::floor(turns), 48)));
    numbers.push_back(static_cast<std::uint32_t>(fixed >> 16));
    numbers.push_back(static_cast<std::uint32_t>(fixed & 0xffff));
  }
  Bytes data(numbers.size() * 4);
  std::memcpy(data.data(), numbers.data(), data.size());
  return data;
}

}  // namespace

Result<> record(const op::Rope& op, const Node& node, Recorder& r) {
  const std::int64_t width = r.last_dim(op.x);
  Kernel made = r.kernel("rope");
  made.set("COLUMNS", width).set("HEADS", op.heads).set("HEAD_DIM", op.head_dim).set("ROTARY", op.rotary_dim);
  made.set("THREADS", threads_for(width)).set_float("FACTOR", op.factor).count("ROWS", r.row_dims_of(op.x));
  made.read("x", r.value(op.x), 1).read("positions", r.value(op.positions), 1);
  made.read("frequencies", r.constant(fixed_turns(op.frequencies), Dtype::kI32), 1);
  made.write("y", r.value(node.output), 1);
  return r.dispatch(node, made, r.row_grid(r.rows_of(op.x)));
}

}  // namespace ipfs_accelerate::webgpu
