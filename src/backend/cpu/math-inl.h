// Elementwise mathematics on vectors: multiply-add, exp, GELU and the other activations. Compiled per SIMD level.
#if defined(IA_CPU_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef IA_CPU_MATH_INL_H_
#undef IA_CPU_MATH_INL_H_
#else
#define IA_CPU_MATH_INL_H_
#endif

#include <cstddef>

#include "graph/graph.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ipfs_accelerate::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using Vec = hn::Vec<Floats>;
using Int32s = hn::RebindToSigned<Floats>;
constexpr std::size_t kLanes = HWY_MAX_LANES_D(Floats);

// a * b + c, in one rounding where the machine has it. Highway knows no relaxed SIMD, so that one is spelled out.
HWY_INLINE Vec madd(Vec a, Vec b, Vec c) {
#if defined(__wasm_relaxed_simd__)
  return Vec{wasm_f32x4_relaxed_madd(a.raw, b.raw, c.raw)};
#else
  return hn::MulAdd(a, b, c);
#endif
}

HWY_INLINE Vec constant(float value) { return hn::Set(Floats(), value); }

// First `count` (1 ... kLanes) floats; the rest are zero.
HWY_INLINE Vec load_some(const float* from, std::size_t count) {
  return count >= kLanes ? hn::LoadU(Floats(), from) : hn::LoadN(Floats(), from, count);
}
HWY_INLINE void store_some(Vec value, float* to, std::size_t count) {
  if (count >= kLanes) {
    hn::StoreU(value, Floats(), to);
  } else {
    hn::StoreN(value, Floats(), to, count);
  }
}

// e^x within 2 ulp for x in [-87, 88]; below it saturates near 1e-38, above near 1e38.
HWY_INLINE Vec exp(Vec x) {
  const Floats d;
  const Int32s di;
  x = hn::Min(hn::Max(x, constant(-87.0f)), constant(88.0f));
  const Vec n = hn::Round(hn::Mul(x, constant(1.44269504f)));
  // ln 2 in two parts: the first has few bits, so n * it is exact.
  Vec r = madd(n, constant(-0.693359375f), x);
  r = madd(n, constant(2.12194440e-4f), r);
  // Taylor terms are enough: |r| <= 0.35, so the first one left out is below 2e-8.
  Vec p = constant(1.0f / 5040);
  p = madd(p, r, constant(1.0f / 720));
  p = madd(p, r, constant(1.0f / 120));
  p = madd(p, r, constant(1.0f / 24));
  p = madd(p, r, constant(1.0f / 6));
  p = madd(p, r, constant(0.5f));
  p = madd(p, r, constant(1.0f));
  p = madd(p, r, constant(1.0f));
  const auto power = hn::ShiftLeft<23>(hn::Add(hn::ConvertTo(di, n), hn::Set(di, 127)));
  return hn::Mul(p, hn::BitCast(d, power));
}

// 2^x for x <= 0, relative error 2e-7, most of it common to all x: a minimax fit of ours over |r| <= 1/2. For softmax.
HWY_INLINE Vec exp2_not_above_zero(Vec x) {
  const Floats d;
  x = hn::Max(x, constant(-126.0f));
  const Vec n = hn::Round(x);
  const Vec r = hn::Sub(x, n);
  Vec p = constant(1.327647037e-03f);
  p = madd(p, r, constant(9.675541322e-03f));
  p = madd(p, r, constant(5.550713279e-02f));
  p = madd(p, r, constant(2.402211972e-01f));
  p = madd(p, r, constant(6.931469671e-01f));
  p = madd(p, r, constant(1.0f));
  // Adding n to the exponent bits multiplies by 2^n: p is in [0.7, 1.5], so nothing overflows.
  const Int32s di;
  return hn::BitCast(d, hn::Add(hn::BitCast(di, p), hn::ShiftLeft<23>(hn::ConvertTo(di, n))));
}

HWY_INLINE Vec sigmoid(Vec x) {
  const Vec one = constant(1.0f);
  return hn::Div(one, hn::Add(one, exp(hn::Neg(x))));
}

HWY_INLINE Vec tanh(Vec x) {
  return hn::Sub(constant(1.0f), hn::Div(constant(2.0f), hn::Add(constant(1.0f), exp(hn::Add(x, x)))));
}

// x (1 + erf(x / sqrt 2)) / 2 with erf as x P(x^2) / Q(x^2): a minimax fit of ours over |x| <= 5.5, error of
// erf 1.5e-8; in f32 the result is within 7e-7 of the truth plus one ulp. Beyond 5.5 erf is 1 in f32.
HWY_INLINE Vec gelu(Vec x) {
  const Vec limit = constant(5.5f);
  const Vec not_below = hn::Max(x, hn::Neg(limit));
  const Vec z = hn::Min(not_below, limit);
  const Vec u = hn::Mul(z, z);
  Vec p = constant(4.549845346e-08f);
  p = madd(p, u, constant(1.270427111e-05f));
  p = madd(p, u, constant(3.376562722e-04f));
  p = madd(p, u, constant(9.354551561e-03f));
  p = madd(p, u, constant(6.770577306e-02f));
  p = madd(p, u, constant(7.978844692e-01f));
  Vec q = constant(1.197501169e-06f);
  q = madd(q, u, constant(7.364829283e-05f));
  q = madd(q, u, constant(1.884458864e-03f));
  q = madd(q, u, constant(2.864600996e-02f));
  q = madd(q, u, constant(2.515225209e-01f));
  q = madd(q, u, constant(1.0f));
  const Vec erf = hn::Div(hn::Mul(z, p), q);
  const Vec half = hn::Mul(not_below, constant(0.5f));
  return madd(half, erf, half);
}

HWY_INLINE Vec gelu_tanh(Vec x) {
  const Vec cubic = madd(hn::Mul(hn::Mul(x, x), x), constant(0.044715f), x);
  return hn::Mul(x, sigmoid(hn::Mul(cubic, constant(1.5957691216f))));  // 2 sqrt(2 / pi)
}

HWY_INLINE Vec silu(Vec x) { return hn::Mul(x, sigmoid(x)); }
HWY_INLINE Vec relu(Vec x) { return hn::Max(x, hn::Zero(Floats())); }

// y[i] = function(y[i]) (+ residual[i])
template <Vec (*kFunction)(Vec)>
HWY_INLINE void apply_row(float* y, const float* residual, std::size_t count) {
  for (std::size_t i = 0; i < count; i += kLanes) {
    const std::size_t left = count - i;
    Vec value = kFunction(load_some(y + i, left));
    if (residual != nullptr) value = hn::Add(value, load_some(residual + i, left));
    store_some(value, y + i, left);
  }
}

HWY_INLINE void activate_row(Activation activation, float* y, const float* residual, std::size_t count) {
  switch (activation) {
    case Activation::kNone: break;
    case Activation::kGelu: apply_row<gelu>(y, residual, count); break;
    case Activation::kGeluTanh: apply_row<gelu_tanh>(y, residual, count); break;
    case Activation::kRelu: apply_row<relu>(y, residual, count); break;
    case Activation::kTanh: apply_row<tanh>(y, residual, count); break;
    case Activation::kSilu: apply_row<silu>(y, residual, count); break;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace ipfs_accelerate::cpu
HWY_AFTER_NAMESPACE();

#endif
