// Steps over the light ops: relative bias, pooling, normalisation, row selection.
#include <algorithm>
#include <cmath>

#include "backend/cpu/executable.h"

namespace ipfs_accelerate::cpu {

Result<> run_step(const op::RelativeBias& op, ValueId output, RunState& run) {
  const auto sequence = static_cast<std::size_t>(run.shape.sequence);
  const std::size_t heads = static_cast<std::size_t>(run.shape_of(output)[0]);
  const float* table = run.program.rows(op.table);
  // One value per distance, from -(sequence - 1) to sequence - 1.
  std::vector<std::size_t> rows(2 * sequence - 1);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto distance = static_cast<std::int64_t>(i) - static_cast<std::int64_t>(sequence) + 1;
    rows[i] = static_cast<std::size_t>(relative_bucket(distance, op)) * heads;
  }
  run.program.pool->run(static_cast<std::int64_t>(heads), [&](std::int64_t index, int) {
    const auto head = static_cast<std::size_t>(index);
    float* y = run.floats(output) + head * sequence * sequence;
    for (std::size_t i = 0; i < sequence; ++i) {
      for (std::size_t j = 0; j < sequence; ++j) y[i * sequence + j] = table[rows[j + sequence - 1 - i] + head];
    }
  });
  return {};
}

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

Result<> run_step(const op::Pool& op, ValueId output, RunState& run) {
  const auto sequence = static_cast<std::size_t>(run.shape.sequence);
  const std::size_t width = run.width_of(output);
  const std::int32_t* mask = run.ints(op.mask);
  run.program.pool->run(run.shape.batch, [&](std::int64_t index, int) {
    const auto b = static_cast<std::size_t>(index);
    pool_one(op.mode, run.floats(op.x) + b * sequence * width, mask == nullptr ? nullptr : mask + b * sequence,
             sequence, width, run.floats(output) + b * width);
  });
  return {};
}

Result<> run_step(const op::Normalize& op, ValueId output, RunState& run) {
  const std::size_t width = run.width_of(output);
  for (std::size_t row = 0; row < run.rows_of(output); ++row) {
    const float* x = run.floats(op.x) + row * width;
    const float length = std::sqrt(run.program.kernels->square_sum(x, width));
    const float divisor = std::max(length, op.epsilon);
    float* y = run.floats(output) + row * width;
    for (std::size_t i = 0; i < width; ++i) y[i] = x[i] / divisor;
  }
  return {};
}

Result<> run_step(const op::SelectRows& op, ValueId output, RunState& run) {
  const std::size_t width = run.width_of(output);
  const auto limit = static_cast<std::int64_t>(run.rows_of(op.x));
  const std::int32_t* rows = run.ints(op.rows);
  for (std::size_t r = 0; r < run.rows_of(output); ++r) {
    if (rows[r] < 0 || rows[r] >= limit) {
      return fail(ErrorCode::kInvalidArgument, "row {} of {} selected", rows[r], limit);
    }
    std::copy_n(run.floats(op.x) + static_cast<std::size_t>(rows[r]) * width, width, run.floats(output) + r * width);
  }
  return {};
}

}  // namespace ipfs_accelerate::cpu
