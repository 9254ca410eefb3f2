// The CPU kernels' interface: plain functions over raw rows, compiled once per SIMD level and chosen at run time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace ipfs_accelerate::cpu {

/// C = activation(A W^T + bias) + residual. All strides are in floats.
struct Gemm {
  const float* a;  ///< [rows, depth], row stride a_stride
  std::size_t a_stride;
  const float* panels;    ///< W packed by Kernels::pack
  const float* bias;      ///< [columns] or null
  const float* residual;  ///< [rows, columns], row stride columns; or null
  float* c;               ///< [rows, columns], row stride columns
  std::size_t columns;
  std::size_t depth;
  Activation activation;
};

/// LayerNorm of rows; residual and beta may be null.
struct NormRows {
  const float* x;
  const float* residual;
  const float* gamma;
  const float* beta;
  float* y;
  std::size_t width;
  float epsilon;
};

/// Places [begin, end) in a list of keys.
struct KeyRange {
  std::size_t begin, end;
};

/// One head of one sequence.
struct AttentionHead {
  const float* q;  ///< [queries, head_dim], row stride q_stride; k and v: [all_keys, head_dim]
  const float* k;
  const float* v;
  std::size_t q_stride, k_stride, v_stride;
  const std::int32_t* keys;  ///< the attended positions, ascending
  std::size_t key_count;     ///< at least 1
  std::size_t all_keys;
  const float* bias;  ///< [queries, all_keys] or null
  /// Per query, the keys that it sees, as places in `keys`; null: all. They are never empty, and neither begin nor end
  /// earlier for a later query.
  const KeyRange* seen;
  /// Added to the score of a key that lies d places before query i, which stands at key `position` + i: entry min(d,
  /// distances - 1). Null: nothing.
  const float* distance_bias = nullptr;
  std::size_t distances = 0, position = 0;
  float* y;  ///< [queries, head_dim], row stride y_stride
  std::size_t y_stride;
  std::size_t head_dim;
  float scale;
  float soft_cap;  ///< 0: none
};

/// The functions of one SIMD level. Panels packed by one level are read only by the same level.
struct Kernels {
  const char* simd;           ///< "avx512", "avx2", "sse2", "neon", "wasm-simd128" ...
  std::size_t lanes;          ///< floats in a vector
  std::size_t panel_columns;  ///< columns of W in a panel
  std::size_t tile_rows;      ///< rows of the register tile
  /// Floats that a packed [columns, depth] matrix takes.
  std::size_t (*packed_size)(std::size_t columns, std::size_t depth);
  /// Packs rows [begin, begin + rows) of a matrix of `columns` rows; w points at row `begin`.
  void (*pack)(const float* w, std::size_t begin, std::size_t rows, std::size_t columns, std::size_t depth,
               float* panels);
  /// Rows [row_begin, row_end) of the panels [panel_begin, panel_end).
  void (*gemm)(const Gemm& gemm, std::size_t row_begin, std::size_t row_end, std::size_t panel_begin,
               std::size_t panel_end);
  void (*norm_rows)(const NormRows& norm, std::size_t row_begin, std::size_t row_end);
  /// RmsNorm of rows: x, gamma and y alone.
  void (*rms_rows)(const NormRows& norm, std::size_t row_begin, std::size_t row_end);
  /// y[i] = activation(y[i]) * x[i]
  void (*gate)(Activation activation, const float* x, float* y, std::size_t count);
  /// The largest of `count` (at least 1) floats; NaN when one is.
  float (*highest)(const float* x, std::size_t count);
  /// y[i] += x[i]
  void (*add)(const float* x, float* y, std::size_t count);
  /// Floats of scratch that one call of `attention` needs.
  std::size_t (*attention_scratch)(std::size_t keys, std::size_t head_dim);
  /// Query rows [row_begin, row_end).
  void (*attention)(const AttentionHead& head, std::size_t row_begin, std::size_t row_end, float* scratch);
  /// Sum of squares of `count` floats.
  float (*square_sum)(const float* x, std::size_t count);
  /// Keeps every vector register busy with `steps` rounds of independent multiply-adds; returns the multiply-adds of
  /// one lane done. For measuring the peak rate.
  std::size_t (*burn)(std::size_t steps, float* sink);
};

/// The best level of this machine.
const Kernels& best_kernels();
/// Every level of this build that this machine can run, best first; for tests.
std::vector<const Kernels*> all_kernels();

}  // namespace ipfs_accelerate::cpu
