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

// 32 vector registers hold 12 x 2 sums, 2 vectors of W and a broadcast; 16 registers hold 6 x 2, or 5 x 2 where a
// product needs a register of its own before it is added (browsers keep one register for themselves).
#if HWY_TARGET == HWY_AVX3 || HWY_ARCH_ARM_A64
constexpr std::size_t kTileRows = 12;
#elif HWY_NATIVE_FMA || defined(__wasm_relaxed_simd__)
constexpr std::size_t kTileRows = 6;
#else
constexpr std::size_t kTileRows = 5;
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

// The register tile.
template <std::size_t kRows>
struct Tile {
  Vec sums[kRows][kVectors];
};

template <std::size_t kRows>
HWY_INLINE void clear(Tile<kRows>& tile) {
  HWY_UNROLL(12)
  for (std::size_t r = 0; r < kRows; ++r) {
    HWY_UNROLL(2)
    for (std::size_t v = 0; v < kVectors; ++v) tile.sums[r][v] = hn::Zero(Floats());
  }
}

// Fetches what is needed next into the second-level cache, a little with every depth step: weights come from memory,
// and a first pass over them would wait for it. The last bytes may lie past the end, which a prefetch may.
struct Ahead {
  const char* at = nullptr;
  std::size_t step = 0;  ///< bytes per depth step

  /// Spreads the next `bytes` over `steps`.
  static Ahead spread(const float* next, std::size_t bytes, std::size_t steps) {
    return {reinterpret_cast<const char*>(next), (bytes + steps - 1) / steps};
  }
};

// sums[r][v] += A[r] . panel over the depth; A's rows a_stride apart, the panel's depth steps kPanel apart.
template <std::size_t kRows>
HWY_INLINE void accumulate(const float* HWY_RESTRICT a, std::size_t a_stride, const float* HWY_RESTRICT b,
                           std::size_t depth, Tile<kRows>& tile, Ahead* ahead = nullptr) {
  const Floats d;
  const char* next = ahead == nullptr ? nullptr : ahead->at;
  const std::size_t step = ahead == nullptr ? 0 : ahead->step;
  // Four row pointers with at most two strides added reach twelve rows in the addressing modes of x86.
  const float* bases[(kRows + 2) / 3];
  for (std::size_t i = 0; i < (kRows + 2) / 3; ++i) bases[i] = a + 3 * i * a_stride;
  for (std::size_t i = 0; i < depth; ++i) {
    Vec columns[kVectors];
    HWY_UNROLL(2)
    for (std::size_t v = 0; v < kVectors; ++v) columns[v] = hn::LoadU(d, b + v * kLanes);
    b += kPanel;
    if (ahead != nullptr) {
      __builtin_prefetch(next, 0, 2);
      next += step;
    }
    HWY_UNROLL(12)
    for (std::size_t r = 0; r < kRows; ++r) {
      const Vec row = hn::Set(d, bases[r / 3][(r % 3) * a_stride + i]);
      HWY_UNROLL(2)
      for (std::size_t v = 0; v < kVectors; ++v) tile.sums[r][v] = madd(row, columns[v], tile.sums[r][v]);
    }
  }
  if (ahead != nullptr) ahead->at = next;
}

// A tile in memory: kTileRows rows of kPanel floats.
template <std::size_t kRows>
HWY_INLINE void add_from(const float* from, Tile<kRows>& tile) {
  HWY_UNROLL(12)
  for (std::size_t r = 0; r < kRows; ++r) {
    HWY_UNROLL(2)
    for (std::size_t v = 0; v < kVectors; ++v) {
      tile.sums[r][v] = hn::Add(tile.sums[r][v], hn::LoadU(Floats(), from + r * kPanel + v * kLanes));
    }
  }
}
template <std::size_t kRows>
HWY_INLINE void store_to(const Tile<kRows>& tile, float* to) {
  HWY_UNROLL(12)
  for (std::size_t r = 0; r < kRows; ++r) {
    HWY_UNROLL(2)
    for (std::size_t v = 0; v < kVectors; ++v) hn::StoreU(tile.sums[r][v], Floats(), to + r * kPanel + v * kLanes);
  }
}

// The epilogue: bias, activation and residual on the way to C's (row, column).
template <std::size_t kRows>
HWY_INLINE void finish(const Gemm& g, std::size_t row, std::size_t column, const Tile<kRows>& tile) {
  const std::size_t width = std::min(kPanel, g.columns - column);
  float* c = g.c + row * g.columns + column;
  const float* residual = g.residual == nullptr ? nullptr : g.residual + row * g.columns + column;
  const bool plain = g.activation == Activation::kNone;
  // Loops over a tile have constant bounds and are unrolled, or its sums would leave the registers.
  HWY_UNROLL(2)
  for (std::size_t v = 0; v < kVectors; ++v) {
    if (v * kLanes >= width) continue;
    const std::size_t left = width - v * kLanes;
    const Vec bias = g.bias == nullptr ? hn::Zero(Floats()) : load_some(g.bias + column + v * kLanes, left);
    HWY_UNROLL(12)
    for (std::size_t r = 0; r < kRows; ++r) {
      Vec value = hn::Add(tile.sums[r][v], bias);
      if (plain && residual != nullptr) value = hn::Add(value, load_some(residual + r * g.columns + v * kLanes, left));
      store_some(value, c + r * g.columns + v * kLanes, left);
    }
  }
  if (plain) return;
  HWY_UNROLL(12)
  for (std::size_t r = 0; r < kRows; ++r) {  // still in the first-level cache
    activate_row(g.activation, c + r * g.columns, residual == nullptr ? nullptr : residual + r * g.columns, width);
  }
}

template <std::size_t kRows>
HWY_NOINLINE void gemm_tile(const Gemm& g, std::size_t row, std::size_t column, Ahead& ahead) {
  Tile<kRows> tile;
  clear(tile);
  accumulate<kRows>(g.a + row * g.a_stride, g.a_stride, g.panels + column * g.depth, g.depth, tile, &ahead);
  finish(g, row, column, tile);
}

template <std::size_t kRows>
HWY_INLINE void gemm_tile_of(std::size_t rows, const Gemm& g, std::size_t row, std::size_t column, Ahead& ahead) {
  if constexpr (kRows > 1) {
    if (rows < kRows) return gemm_tile_of<kRows - 1>(rows, g, row, column, ahead);
  }
  gemm_tile<kRows>(g, row, column, ahead);
}

inline void gemm(const Gemm& g, std::size_t row_begin, std::size_t row_end, std::size_t panel_begin,
                 std::size_t panel_end) {
  const std::size_t rows = row_end - row_begin;
  const std::size_t tiles = (rows + kTileRows - 1) / kTileRows;
  for (std::size_t panel = panel_begin; panel < panel_end; ++panel) {
    const std::size_t floats = kPanel * g.depth;
    Ahead ahead =
        Ahead::spread(g.panels + (panel + 1) * floats, panel + 1 < panel_end ? 4 * floats : 0, g.depth * tiles);
    std::size_t row = row_begin;
    for (std::size_t tile = 0; tile < tiles; ++tile) {  // tiles of nearly equal height: no thin last one
      const std::size_t height = (row_end - row) / (tiles - tile);
      gemm_tile_of<kTileRows>(height, g, row, panel * kPanel, ahead);
      row += height;
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace ipfs_accelerate::cpu
HWY_AFTER_NAMESPACE();

#endif
