// Kernels over single rows: LayerNorm, RmsNorm, sums. Compiled per SIMD level.
#if defined(IA_CPU_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef IA_CPU_ROWS_INL_H_
#undef IA_CPU_ROWS_INL_H_
#else
#define IA_CPU_ROWS_INL_H_
#endif

#include <cmath>
#include <cstddef>
#include <limits>

#include "backend/cpu/kernels.h"
#include "backend/cpu/math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ipfs_accelerate::cpu {
namespace HWY_NAMESPACE {

inline void add(const float* x, float* y, std::size_t count) {
  for (std::size_t i = 0; i < count; i += kLanes) {
    const std::size_t left = count - i;
    store_some(hn::Add(load_some(x + i, left), load_some(y + i, left)), y + i, left);
  }
}

inline void gate(Activation activation, const float* x, float* y, std::size_t count) {
  activate_row(activation, y, nullptr, count);
  for (std::size_t i = 0; i < count; i += kLanes) {
    const std::size_t left = count - i;
    store_some(hn::Mul(load_some(x + i, left), load_some(y + i, left)), y + i, left);
  }
}

inline float square_sum(const float* x, std::size_t count) {
  Vec sum = hn::Zero(Floats());
  for (std::size_t i = 0; i < count; i += kLanes) {
    const Vec value = load_some(x + i, count - i);
    sum = madd(value, value, sum);
  }
  return hn::ReduceSum(Floats(), sum);
}

inline float highest(const float* x, std::size_t count) {
  const Floats d;
  Vec best = constant(x[0]);
  auto nan = hn::IsNaN(best);  // what Max makes of one differs between targets
  const auto look = [&](Vec value) {
    nan = hn::Or(nan, hn::IsNaN(value));
    best = hn::Max(best, value);
  };
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) look(hn::LoadU(d, x + i));
  if (i < count) look(hn::IfThenElse(hn::FirstN(d, count - i), hn::LoadN(d, x + i, count - i), best));
  return hn::AllFalse(d, nan) ? hn::ReduceMax(d, best) : std::numeric_limits<float>::quiet_NaN();
}

// Sums x (+ residual) into y and returns its mean.
HWY_INLINE float joined_mean(const float* x, const float* residual, float* y, std::size_t width) {
  Vec sum = hn::Zero(Floats());
  for (std::size_t i = 0; i < width; i += kLanes) {
    const std::size_t left = width - i;
    Vec value = load_some(x + i, left);
    if (residual != nullptr) value = hn::Add(value, load_some(residual + i, left));
    store_some(value, y + i, left);
    sum = hn::Add(sum, value);
  }
  return hn::ReduceSum(Floats(), sum) / static_cast<float>(width);
}

HWY_INLINE float variance(const float* y, float mean, std::size_t width) {
  const Floats d;
  const Vec center = hn::Set(d, mean);
  Vec sum = hn::Zero(d);
  std::size_t i = 0;
  for (; i + kLanes <= width; i += kLanes) {
    const Vec value = hn::Sub(hn::LoadU(d, y + i), center);
    sum = madd(value, value, sum);
  }
  if (i < width) {
    const auto inside = hn::FirstN(d, width - i);
    const Vec value = hn::IfThenElseZero(inside, hn::Sub(hn::LoadN(d, y + i, width - i), center));
    sum = madd(value, value, sum);
  }
  return hn::ReduceSum(d, sum) / static_cast<float>(width);
}

inline void norm_rows(const NormRows& n, std::size_t row_begin, std::size_t row_end) {
  const Floats d;
  for (std::size_t row = row_begin; row < row_end; ++row) {
    const float* residual = n.residual == nullptr ? nullptr : n.residual + row * n.width;
    float* y = n.y + row * n.width;
    const float mean = joined_mean(n.x + row * n.width, residual, y, n.width);
    const float inverse = 1.0f / std::sqrt(variance(y, mean, n.width) + n.epsilon);
    const Vec factor = hn::Set(d, inverse);
    const Vec center = hn::Set(d, mean);
    for (std::size_t i = 0; i < n.width; i += kLanes) {
      const std::size_t left = n.width - i;
      const Vec scaled = hn::Mul(hn::Sub(load_some(y + i, left), center), factor);
      const Vec beta = n.beta == nullptr ? hn::Zero(d) : load_some(n.beta + i, left);
      store_some(madd(scaled, load_some(n.gamma + i, left), beta), y + i, left);
    }
  }
}

inline void rms_rows(const NormRows& n, std::size_t row_begin, std::size_t row_end) {
  for (std::size_t row = row_begin; row < row_end; ++row) {
    const float* x = n.x + row * n.width;
    float* y = n.y + row * n.width;
    const float mean = square_sum(x, n.width) / static_cast<float>(n.width);
    const Vec factor = constant(1.0f / std::sqrt(mean + n.epsilon));
    for (std::size_t i = 0; i < n.width; i += kLanes) {
      const std::size_t left = n.width - i;
      store_some(hn::Mul(hn::Mul(load_some(x + i, left), factor), load_some(n.gamma + i, left)), y + i, left);
    }
  }
}

inline std::size_t burn(std::size_t steps, float* sink) {
  constexpr std::size_t kChains = 12;  // more than latency times pipes anywhere
  const Floats d;
  Vec chains[kChains];
  for (std::size_t c = 0; c < kChains; ++c) chains[c] = hn::Set(d, sink[0] + static_cast<float>(c));
  const Vec factor = hn::Set(d, sink[1]);
  const Vec term = hn::Set(d, sink[2]);
  for (std::size_t step = 0; step < steps; ++step) {
    HWY_UNROLL(12)
    for (std::size_t c = 0; c < kChains; ++c) chains[c] = madd(chains[c], factor, term);
  }
  for (std::size_t c = 1; c < kChains; ++c) chains[0] = hn::Add(chains[0], chains[c]);
  sink[3] = hn::ReduceSum(d, chains[0]);
  return steps * kChains;
}

}  // namespace HWY_NAMESPACE
}  // namespace ipfs_accelerate::cpu
HWY_AFTER_NAMESPACE();

#endif
