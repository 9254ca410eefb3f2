// GEMM: a register tile of rows x two vectors over the whole depth, on panels of packed weights. Compiled per SIMD
// level.
#if defined(IA_CPU_GEMM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef IA_CPU_GEMM_INL_H_
#undef IA_CPU_GEMM_INL_H_
#else
#define IA_CPU_GEMM_INL_H_
#endif

#include <algorithm>
#include <cstddef>

#include "backend/cpu/kernels.h"
#include "backend/cpu/math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ipfs_accelerate::cpu {
namespace HWY_NAMESPACE {

// 32 vector registers hold 12 x 2 sums, 2 vectors of W and a broadcast; 16 registers hold 6 x 2.
#if HWY_TARGET == HWY_AVX3 || HWY_ARCH_ARM_A64
constexpr std::size_t kTileRows = 12;
#else
constexpr std::size_t kTileRows = 6;
#endif
constexpr std::size_t kVectors = 2;
constexpr std::size_t kPanel = kVectors * kLanes;

// Panel p holds W's rows [p * kPanel, ...) interleaved: element (depth index, column) at depth index * kPanel + column.
// Columns past the end are zero.
inline std::size_t packed_size(std::size_t columns, std::size_t depth) {
  return (columns + kPanel - 1) / kPanel * kPanel * depth;
}

inline void pack(const float* w, std::size_t begin, std::size_t rows, std::size_t columns, std::size_t depth,
                 float* panels) {
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t column = begin + row;
    float* to = panels + column / kPanel * kPanel * depth + column % kPanel;
    for (std::size_t i = 0; i < depth; ++i) to[i * kPanel] = w[row * depth + i];
  }
  if (begin + rows != columns) return;
  for (std::size_t column = columns; column % kPanel != 0; ++column) {
    float* to = panels + column / kPanel * kPanel * depth + column % kPanel;
    for (std::size_t i = 0; i < depth; ++i) to[i * kPanel] = 0.0f;
  }
}

// sums[r][v] = A[r] . panel over the depth; A's rows a_stride apart, the panel's depth steps b_stride apart.
template <std::size_t kRows>
HWY_INLINE void multiply_tile(const float* HWY_RESTRICT a, std::size_t a_stride, const float* HWY_RESTRICT b,
                              std::size_t b_stride, std::size_t depth, Vec (&sums)[kRows][kVectors]) {
  const Floats d;
  // Four row pointers with at most two strides added reach twelve rows in the addressing modes of x86.
  const float* bases[(kRows + 2) / 3];
  for (std::size_t i = 0; i < (kRows + 2) / 3; ++i) bases[i] = a + 3 * i * a_stride;
  for (std::size_t r = 0; r < kRows; ++r) {
    for (std::size_t v = 0; v < kVectors; ++v) sums[r][v] = hn::Zero(d);
  }
  for (std::size_t i = 0; i < depth; ++i) {
    Vec columns[kVectors];
    for (std::size_t v = 0; v < kVectors; ++v) columns[v] = hn::LoadU(d, b + v * kLanes);
    b += b_stride;
    HWY_UNROLL(12)
    for (std::size_t r = 0; r < kRows; ++r) {
      const Vec row = hn::Set(d, bases[r / 3][(r % 3) * a_stride + i]);
      for (std::size_t v = 0; v < kVectors; ++v) sums[r][v] = madd(row, columns[v], sums[r][v]);
    }
  }
}

// One register tile of a Gemm with its epilogue, at C's (row, column); `width` of the panel's columns exist.
template <std::size_t kRows>
HWY_NOINLINE void gemm_tile(const Gemm& g, std::size_t row, std::size_t column, std::size_t width) {
  const Floats d;
  Vec sums[kRows][kVectors];
  multiply_tile<kRows>(g.a + row * g.a_stride, g.a_stride, g.panels + column * g.depth, kPanel, g.depth, sums);
  float* c = g.c + row * g.columns + column;
  const float* residual = g.residual == nullptr ? nullptr : g.residual + row * g.columns + column;
  const bool plain = g.activation == Activation::kNone;
  for (std::size_t v = 0; v < kVectors && v * kLanes < width; ++v) {
    const std::size_t left = width - v * kLanes;
    const Vec bias = g.bias == nullptr ? hn::Zero(d) : load_some(g.bias + column + v * kLanes, left);
    for (std::size_t r = 0; r < kRows; ++r) {
      Vec value = hn::Add(sums[r][v], bias);
      if (plain && residual != nullptr) value = hn::Add(value, load_some(residual + r * g.columns + v * kLanes, left));
      store_some(value, c + r * g.columns + v * kLanes, left);
    }
  }
  if (plain) return;
  for (std::size_t r = 0; r < kRows; ++r) {  // still in the first-level cache
    activate_row(g.activation, c + r * g.columns, residual == nullptr ? nullptr : residual + r * g.columns, width);
  }
}

template <std::size_t kRows>
HWY_INLINE void gemm_tile_of(std::size_t rows, const Gemm& g, std::size_t row, std::size_t column, std::size_t width) {
  if constexpr (kRows > 1) {
    if (rows < kRows) return gemm_tile_of<kRows - 1>(rows, g, row, column, width);
  }
  gemm_tile<kRows>(g, row, column, width);
}

inline void gemm(const Gemm& g, std::size_t row_begin, std::size_t row_end, std::size_t panel_begin,
                 std::size_t panel_end) {
  const std::size_t rows = row_end - row_begin;
  const std::size_t tiles = (rows + kTileRows - 1) / kTileRows;
  for (std::size_t panel = panel_begin; panel < panel_end; ++panel) {
    const std::size_t column = panel * kPanel;
    const std::size_t width = std::min(kPanel, g.columns - column);
    std::size_t row = row_begin;
    for (std::size_t tile = 0; tile < tiles; ++tile) {  // tiles of nearly equal height: no thin last one
      const std::size_t height = (row_end - row) / (tiles - tile);
      gemm_tile_of<kTileRows>(height, g, row, column, width);
      row += height;
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace ipfs_accelerate::cpu
HWY_AFTER_NAMESPACE();

#endif
