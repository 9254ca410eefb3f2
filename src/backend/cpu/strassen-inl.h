// One level of Strassen's algorithm over the register tile: seven half-size products instead of eight, for tall inputs.
// Compiled per SIMD level.
#if defined(IA_CPU_STRASSEN_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef IA_CPU_STRASSEN_INL_H_
#undef IA_CPU_STRASSEN_INL_H_
#else
#define IA_CPU_STRASSEN_INL_H_
#endif

#include <algorithm>
#include <cstddef>

#include "backend/cpu/gemm-inl.h"
#include "backend/cpu/kernels.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ipfs_accelerate::cpu {
namespace HWY_NAMESPACE {

// Winograd's form of it: with the upper rows of A as A11 A12, split at half the depth, and W^T alike, split at half the
// panels,
//   S1 = A21 + A22   S2 = S1 - A11    S3 = A11 - A21   S4 = A12 - S2
//   T1 = B12 - B11   T2 = B22 - T1    T3 = B22 - B12   T4 = B21 - T2
//   C11 = A11 B11 + A12 B21           U2 = A11 B11 + S2 T2   U3 = U2 + S3 T3
//   C21 = U3 + A22 T4   C22 = U3 + S1 T1   C12 = U2 + S1 T1 + S4 B22
constexpr std::size_t kSums = 4;
constexpr std::size_t kMostTilesAhead = 8;

inline std::size_t strassen_row_floats(std::size_t depth) { return kSums * (depth / 2); }
inline std::size_t strassen_scratch(std::size_t depth) { return kSums * (depth / 2) * kPanel; }

// S1 ... S4 for rows [begin, end) of a half: row r of sum s lies at (s * half_rows + r) * depth / 2.
inline void strassen_sum_rows(const StrassenBlock& block, std::size_t begin, std::size_t end) {
  const std::size_t half = block.gemm.depth / 2, step = block.half_rows * half;
  for (std::size_t r = begin; r < end; ++r) {
    const float* upper = block.gemm.a + (block.first_row + r) * block.gemm.a_stride;
    const float* lower = upper + block.half_rows * block.gemm.a_stride;
    float* to = block.row_sums + r * half;
    for (std::size_t i = 0; i < half; i += kLanes) {
      const std::size_t left = half - i;
      const Vec a11 = load_some(upper + i, left), a12 = load_some(upper + half + i, left);
      const Vec a21 = load_some(lower + i, left), a22 = load_some(lower + half + i, left);
      const Vec s1 = hn::Add(a21, a22);
      const Vec s2 = hn::Sub(s1, a11);
      store_some(s1, to + i, left);
      store_some(s2, to + step + i, left);
      store_some(hn::Sub(a11, a21), to + 2 * step + i, left);
      store_some(hn::Sub(a12, s2), to + 3 * step + i, left);
    }
  }
}

// Two panels, half of all panels apart, and T1 ... T4.
struct PanelPair {
  const float* left;   // B11, then B21
  const float* right;  // B12, then B22
  float* sums;
};

inline void sum_panels(const PanelPair& pair, std::size_t quarter) {
  const Floats d;
  for (std::size_t i = 0; i < quarter; i += kLanes) {  // a multiple of kPanel
    const Vec b11 = hn::LoadU(d, pair.left + i), b21 = hn::LoadU(d, pair.left + quarter + i);
    const Vec b12 = hn::LoadU(d, pair.right + i), b22 = hn::LoadU(d, pair.right + quarter + i);
    const Vec t1 = hn::Sub(b12, b11);
    const Vec t2 = hn::Sub(b22, t1);
    hn::StoreU(t1, d, pair.sums + i);
    hn::StoreU(t2, d, pair.sums + quarter + i);
    hn::StoreU(hn::Sub(b22, b12), d, pair.sums + 2 * quarter + i);
    hn::StoreU(hn::Sub(b21, t2), d, pair.sums + 3 * quarter + i);
  }
}

// Rows [row, row + kRows) of both halves. Sums stay in registers wherever the next product adds to them.
template <std::size_t kRows>
HWY_NOINLINE void strassen_tile(const StrassenBlock& block, std::size_t row, std::size_t column, const PanelPair& pair,
                                Ahead& ahead_left, Ahead& ahead_right) {
  const Gemm& g = block.gemm;
  const std::size_t half = g.depth / 2, quarter = half * kPanel, step = block.half_rows * half;
  const std::size_t upper = block.first_row + row, lower = upper + block.half_rows;
  const std::size_t right = column + (g.columns + kPanel - 1) / kPanel / 2 * kPanel;
  const float* a11 = g.a + upper * g.a_stride;
  const float* a22 = g.a + lower * g.a_stride + half;
  const float* s = block.row_sums + row * half;
  const float* t = pair.sums;
  HWY_ALIGN float product[kRows * kPanel], u2[kRows * kPanel], u3[kRows * kPanel];
  Tile<kRows> tile;
  clear(tile);
  accumulate<kRows>(a11, g.a_stride, pair.left, half, tile, &ahead_left);
  store_to(tile, product);
  accumulate<kRows>(a11 + half, g.a_stride, pair.left + quarter, half, tile, &ahead_right);
  finish(g, upper, column, tile);  // C11
  clear(tile);
  add_from(product, tile);
  accumulate<kRows>(s + step, half, t + quarter, half, tile, &ahead_left);
  store_to(tile, u2);
  accumulate<kRows>(s + 2 * step, half, t + 2 * quarter, half, tile, &ahead_right);
  store_to(tile, u3);
  accumulate<kRows>(a22, g.a_stride, t + 3 * quarter, half, tile, &ahead_left);
  finish(g, lower, column, tile);  // C21
  clear(tile);
  accumulate<kRows>(s, half, t, half, tile, &ahead_right);
  store_to(tile, product);
  add_from(u2, tile);
  accumulate<kRows>(s + 3 * step, half, pair.right + quarter, half, tile, &ahead_left);
  finish(g, upper, right, tile);  // C12
  clear(tile);
  add_from(product, tile);
  add_from(u3, tile);
  finish(g, lower, right, tile);  // C22
}

template <std::size_t kRows>
HWY_INLINE void strassen_tile_of(std::size_t rows, const StrassenBlock& block, std::size_t row, std::size_t column,
                                 const PanelPair& pair, Ahead& ahead_left, Ahead& ahead_right) {
  if constexpr (kRows > 1) {
    if (rows < kRows) return strassen_tile_of<kRows - 1>(rows, block, row, column, pair, ahead_left, ahead_right);
  }
  strassen_tile<kRows>(block, row, column, pair, ahead_left, ahead_right);
}

inline void strassen(const StrassenBlock& block, std::size_t pair_begin, std::size_t pair_end, std::size_t row_begin,
                     std::size_t row_end, float* scratch) {
  const Gemm& g = block.gemm;
  const std::size_t pairs = (g.columns + kPanel - 1) / kPanel / 2;
  const std::size_t row_tiles = (row_end - row_begin + kTileRows - 1) / kTileRows;
  for (std::size_t p = pair_begin; p < pair_end; ++p) {
    const PanelPair pair{g.panels + p * kPanel * g.depth, g.panels + (p + pairs) * kPanel * g.depth, scratch};
    sum_panels(pair, g.depth / 2 * kPanel);
    // Four products of a tile fetch the next left panel, three the next right one. Tall blocks need the cache
    // themselves, and wait for weights less often.
    const std::size_t bytes = p + 1 < pair_end && row_tiles <= kMostTilesAhead ? 4 * kPanel * g.depth : 0,
                      steps = g.depth / 2 * row_tiles;
    Ahead ahead_left = Ahead::spread(pair.left + kPanel * g.depth, bytes, 4 * steps);
    Ahead ahead_right = Ahead::spread(pair.right + kPanel * g.depth, bytes, 3 * steps);
    std::size_t row = row_begin;
    for (std::size_t tile = 0; tile < row_tiles; ++tile) {
      const std::size_t height = (row_end - row) / (row_tiles - tile);
      strassen_tile_of<kTileRows>(height, block, row, p * kPanel, pair, ahead_left, ahead_right);
      row += height;
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace ipfs_accelerate::cpu
HWY_AFTER_NAMESPACE();

#endif
