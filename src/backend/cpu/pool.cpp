// pool on the CPU: a task for each sequence.
#include <algorithm>
#include <cmath>

#include "backend/cpu/steps.h"

namespace ipfs_accelerate::cpu {
namespace {

// The weight of token s in the pooled sum, before division.
float token_weight(PoolMode mode, std::size_t s) {
  return mode == PoolMode::kWeightedMean ? static_cast<float>(s + 1) : 1.0f;
}

void pool_sum(PoolMode mode, const float* x, const std::int32_t* mask, std::size_t sequence, std::size_t width,
              float* y) {
  std::fill_n(y, width, 0.0f);
  float total = 0.0f;
  for (std::size_t s = 0; s < sequence; ++s) {
    if (mask != nullptr && mask[s] == 0) continue;
    const float weight = token_weight(mode, s);
    total += weight;
    for (std::size_t i = 0; i < width; ++i) y[i] += weight * x[s * width + i];
  }
  total = std::max(total, 1e-9f);
  const float factor = 1.0f / (mode == PoolMode::kMeanSqrtLength ? std::sqrt(total) : total);
  for (std::size_t i = 0; i < width; ++i) y[i] *= factor;
}

void pool_max(const float* x, const std::int32_t* mask, std::size_t sequence, std::size_t width, float* y) {
  std::fill_n(y, width, -1e9f);  // what sentence-transformers puts in place of padding
  for (std::size_t s = 0; s < sequence; ++s) {
    if (mask != nullptr && mask[s] == 0) continue;
    for (std::size_t i = 0; i < width; ++i) y[i] = std::max(y[i], x[s * width + i]);
  }
}

std::size_t last_token(const std::int32_t* mask, std::size_t sequence) {
  if (mask == nullptr) return sequence - 1;
  for (std::size_t s = sequence; s > 0; --s) {
    if (mask[s - 1] != 0) return s - 1;
  }
  return 0;
}

void pool_one(PoolMode mode, const float* x, const std::int32_t* mask, std::size_t sequence, std::size_t width,
              float* y) {
  switch (mode) {
    case PoolMode::kCls: std::copy_n(x, width, y); break;
    case PoolMode::kLastToken: std::copy_n(x + last_token(mask, sequence) * width, width, y); break;
    case PoolMode::kMax: pool_max(x, mask, sequence, width, y); break;
    case PoolMode::kMean:
    case PoolMode::kMeanSqrtLength:
    case PoolMode::kWeightedMean: pool_sum(mode, x, mask, sequence, width, y); break;
  }
}

}  // namespace

Result<> run(const op::Pool& op, ValueId output, RunState& run) {
  const std::size_t sequence = run.size_of(op.x, 1);
  const std::size_t width = run.width_of(output);
  const std::int32_t* mask = run.ints(op.mask);
  run.program.pool->run(run.shape_of(output)[0], [&](std::int64_t index, int) {
    const auto b = static_cast<std::size_t>(index);
    pool_one(op.mode, run.floats(op.x) + b * sequence * width, mask == nullptr ? nullptr : mask + b * sequence,
             sequence, width, run.floats(output) + b * width);
  });
  return {};
}

}  // namespace ipfs_accelerate::cpu
