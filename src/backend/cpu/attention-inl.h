// Fused attention of one head: attended keys packed once, then per tile of queries scores, softmax and values while
// they are in the cache; key blocks are joined by the running maximum and sum. Compiled per SIMD level.
#if defined(IA_CPU_ATTENTION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef IA_CPU_ATTENTION_INL_H_
#undef IA_CPU_ATTENTION_INL_H_
#else
#define IA_CPU_ATTENTION_INL_H_
#endif

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "backend/cpu/gemm-inl.h"
#include "backend/cpu/kernels.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ipfs_accelerate::cpu {
namespace HWY_NAMESPACE {

// Keys of a block: a tile's scores (12 KiB) stay in the first-level cache, packed K and V (64 KiB at head_dim 32) in
// the second. A multiple of every panel width.
constexpr std::size_t kKeyBlock = 256;
// Floats between rows of scores: not a power of two, so that the rows do not compete for the same cache sets.
constexpr std::size_t kScoreStride = kKeyBlock + 16;
// Tiles of queries that go over a key block before the next one is fetched.
constexpr std::size_t kQueryTiles = 4;

inline std::size_t round_up(std::size_t value, std::size_t step) { return (value + step - 1) / step * step; }

// Where the parts of a head's scratch lie.
struct AttentionScratch {
  float* keys;    // panels of kPanel keys: [panel][head_dim][kPanel], scaled
  float* values;  // panels of kPanel columns: [panel][key][kPanel]
  float* scores;  // [kTileRows][kScoreStride]
};

inline std::size_t attention_scratch(std::size_t keys, std::size_t head_dim) {
  return round_up(keys, kPanel) * head_dim + round_up(head_dim, kPanel) * keys + kTileRows * kScoreStride;
}

inline AttentionScratch divide_scratch(const AttentionHead& head, float* scratch) {
  AttentionScratch parts;
  parts.keys = scratch;
  parts.values = parts.keys + round_up(head.key_count, kPanel) * head.head_dim;
  parts.scores = parts.values + round_up(head.head_dim, kPanel) * head.key_count;
  return parts;
}

// Scores are kept times log2(e), so that softmax needs powers of two only.
constexpr float kLog2E = 1.44269504f;

// Four keys' next four columns, transposed: 128-bit vectors on every level, since all have the shuffles for that.
HWY_INLINE void pack_four_by_four(const float* const (&from)[4], std::size_t i, float scale, float* to) {
  const hn::FixedTag<float, 4> d;
  const hn::RepartitionToWide<decltype(d)> pairs;
  const auto factor = hn::Set(d, scale);
  const auto r0 = hn::Mul(hn::LoadU(d, from[0] + i), factor);
  const auto r1 = hn::Mul(hn::LoadU(d, from[1] + i), factor);
  const auto r2 = hn::Mul(hn::LoadU(d, from[2] + i), factor);
  const auto r3 = hn::Mul(hn::LoadU(d, from[3] + i), factor);
  const auto low01 = hn::BitCast(pairs, hn::InterleaveLower(d, r0, r1));
  const auto low23 = hn::BitCast(pairs, hn::InterleaveLower(d, r2, r3));
  const auto high01 = hn::BitCast(pairs, hn::InterleaveUpper(d, r0, r1));
  const auto high23 = hn::BitCast(pairs, hn::InterleaveUpper(d, r2, r3));
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, low01, low23)), d, to + i * kPanel);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, low01, low23)), d, to + (i + 1) * kPanel);
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, high01, high23)), d, to + (i + 2) * kPanel);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, high01, high23)), d, to + (i + 3) * kPanel);
}

// Keys past the end repeat the last one: their scores are computed and ignored.
inline void pack_keys(const AttentionHead& head, float* to) {
  const float scale = head.scale * kLog2E;
  const std::size_t padded = round_up(head.key_count, kPanel);
  for (std::size_t key = 0; key < padded; key += 4) {
    const float* from[4];
    for (std::size_t k = 0; k < 4; ++k) {
      const std::int32_t position = head.keys[std::min(key + k, head.key_count - 1)];
      from[k] = head.k + static_cast<std::size_t>(position) * head.k_stride;
    }
    float* columns = to + key / kPanel * kPanel * head.head_dim + key % kPanel;
    std::size_t i = 0;
    for (; i + 4 <= head.head_dim; i += 4) pack_four_by_four(from, i, scale, columns);
    for (; i < head.head_dim; ++i) {
      for (std::size_t k = 0; k < 4; ++k) columns[i * kPanel + k] = from[k][i] * scale;
    }
  }
}

inline void pack_values(const AttentionHead& head, float* to) {
  for (std::size_t column = 0; column < head.head_dim; column += kPanel) {
    const std::size_t width = std::min(kPanel, head.head_dim - column);
    for (std::size_t key = 0; key < head.key_count; ++key, to += kPanel) {
      const float* from = head.v + static_cast<std::size_t>(head.keys[key]) * head.v_stride + column;
      for (std::size_t i = 0; i < kPanel; i += kLanes) {
        const Vec value = i < width ? load_some(from + i, width - i) : hn::Zero(Floats());
        hn::StoreU(value, Floats(), to + i);
      }
    }
  }
}

inline void add_bias(const AttentionHead& head, const float* bias_row, std::size_t first_key, std::size_t count,
                     float* scores) {
  if (head.key_count == head.all_keys) {
    const Vec factor = constant(kLog2E);
    for (std::size_t i = 0; i < count; i += kLanes) {
      const std::size_t left = count - i;
      store_some(madd(load_some(bias_row + first_key + i, left), factor, load_some(scores + i, left)), scores + i,
                 left);
    }
    return;
  }
  for (std::size_t i = 0; i < count; ++i) scores[i] += kLog2E * bias_row[head.keys[first_key + i]];
}

// Keys after the query get what the query itself gets: they are hidden.
inline void add_distance_bias(const AttentionHead& head, std::size_t row, std::size_t first_key, std::size_t count,
                              float* scores) {
  const std::size_t query = head.position + row;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t key = first_key + i, distance = query > key ? query - key : 0;
    scores[i] += kLog2E * head.distance_bias[std::min(distance, head.distances - 1)];
  }
}

HWY_INLINE float row_max(const float* scores, std::size_t count, float so_far) {
  const Floats d;
  Vec best = hn::Set(d, so_far);
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) best = hn::Max(best, hn::LoadU(d, scores + i));
  float result = hn::ReduceMax(d, best);
  for (; i < count; ++i) result = std::max(result, scores[i]);
  return result;
}

// scores = 2^(scores - top), returns their sum. Writes whole vectors: the row is padded to one.
HWY_INLINE float row_exp(float* scores, std::size_t count, float top) {
  const Floats d;
  const Vec shift = hn::Set(d, top);
  Vec sum = hn::Zero(d);
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const Vec value = exp2_not_above_zero(hn::Sub(hn::LoadU(d, scores + i), shift));
    hn::StoreU(value, d, scores + i);
    sum = hn::Add(sum, value);
  }
  if (i < count) {
    const Vec value =
        hn::IfThenElseZero(hn::FirstN(d, count - i), exp2_not_above_zero(hn::Sub(hn::LoadU(d, scores + i), shift)));
    hn::StoreU(value, d, scores + i);
    sum = hn::Add(sum, value);
  }
  return hn::ReduceSum(d, sum);
}

// Scores are in units of log2(e) here; rows have room for whole vectors.
inline void cap_scores(float soft_cap, std::size_t count, float* scores) {
  const Floats d;
  const Vec cap = constant(soft_cap * kLog2E), inverse = constant(1.0f / (soft_cap * kLog2E));
  for (std::size_t i = 0; i < count; i += kLanes) {
    hn::StoreU(hn::Mul(cap, tanh(hn::Mul(hn::LoadU(d, scores + i), inverse))), d, scores + i);
  }
}

// The running softmax of a tile of query rows.
struct Running {
  float top[kTileRows];
  float sum[kTileRows];
};

// What a tile does with one key block.
struct KeyBlock {
  std::size_t first, count;
  bool is_first, is_last;
};

// So low that it weighs nothing beside any other score. A block in which a row sees nothing leaves numbers that the
// next block, where it does, multiplies by zero.
constexpr float kHidden = -1e30f;

inline void hide_scores(const KeyRange& seen, const KeyBlock& block, float* scores) {
  const std::size_t begin = std::clamp(seen.begin, block.first, block.first + block.count) - block.first;
  const std::size_t end = std::clamp(seen.end, block.first, block.first + block.count) - block.first;
  std::fill(scores, scores + begin, kHidden);
  std::fill(scores + end, scores + block.count, kHidden);
}

template <std::size_t kRows>
HWY_INLINE void score_tile(const AttentionHead& head, std::size_t row, const KeyBlock& block,
                           const AttentionScratch& parts) {
  for (std::size_t key = 0; key < block.count; key += kPanel) {
    Tile<kRows> tile;
    clear(tile);
    accumulate<kRows>(head.q + row * head.q_stride, head.q_stride, parts.keys + (block.first + key) * head.head_dim,
                      head.head_dim, tile);
    HWY_UNROLL(12)
    for (std::size_t r = 0; r < kRows; ++r) {
      HWY_UNROLL(2)
      for (std::size_t v = 0; v < kVectors; ++v) {
        hn::StoreU(tile.sums[r][v], Floats(), parts.scores + r * kScoreStride + key + v * kLanes);
      }
    }
  }
}

// Turns the tile's scores into weights and returns, per row, the factor for what was summed before.
template <std::size_t kRows>
HWY_INLINE void soften_tile(const AttentionHead& head, std::size_t row, const KeyBlock& block, float* scores,
                            Running& running, float (&factors)[kRows]) {
  for (std::size_t r = 0; r < kRows; ++r, scores += kScoreStride) {
    if (head.soft_cap != 0) cap_scores(head.soft_cap, block.count, scores);
    if (head.bias != nullptr) add_bias(head, head.bias + (row + r) * head.all_keys, block.first, block.count, scores);
    if (head.distance_bias != nullptr) add_distance_bias(head, row + r, block.first, block.count, scores);
    if (head.seen != nullptr) hide_scores(head.seen[row + r], block, scores);
    const float before = block.is_first ? scores[0] : running.top[r];
    running.top[r] = row_max(scores, block.count, before);
    const float sum = row_exp(scores, block.count, running.top[r]);
    factors[r] = block.is_first ? 0.0f : std::exp2(before - running.top[r]);
    running.sum[r] = block.is_first ? sum : running.sum[r] * factors[r] + sum;
  }
}

template <std::size_t kRows>
HWY_INLINE void mix_values(const AttentionHead& head, std::size_t row, const KeyBlock& block,
                           const AttentionScratch& parts, const Running& running, const float (&factors)[kRows]) {
  const Floats d;
  for (std::size_t column = 0; column < head.head_dim; column += kPanel) {
    Tile<kRows> tile;
    clear(tile);
    accumulate<kRows>(parts.scores, kScoreStride, parts.values + column * head.key_count + block.first * kPanel,
                      block.count, tile);
    HWY_UNROLL(12)
    for (std::size_t r = 0; r < kRows; ++r) {
      const float scale = block.is_last ? 1.0f / running.sum[r] : 1.0f;
      for (std::size_t v = 0; v < kVectors && column + v * kLanes < head.head_dim; ++v) {
        const std::size_t left = head.head_dim - column - v * kLanes;
        float* y = head.y + (row + r) * head.y_stride + column + v * kLanes;
        Vec value = tile.sums[r][v];
        if (!block.is_first) value = madd(load_some(y, left), hn::Set(d, factors[r]), value);
        store_some(hn::Mul(value, hn::Set(d, scale)), y, left);
      }
    }
  }
}

template <std::size_t kRows>
HWY_NOINLINE void attend_tile(const AttentionHead& head, std::size_t row, const KeyBlock& block,
                              const AttentionScratch& parts, Running& running) {
  float factors[kRows];
  score_tile<kRows>(head, row, block, parts);
  soften_tile<kRows>(head, row, block, parts.scores, running, factors);
  mix_values<kRows>(head, row, block, parts, running, factors);
}

template <std::size_t kRows>
HWY_INLINE void attend_tile_of(std::size_t rows, const AttentionHead& head, std::size_t row, const KeyBlock& block,
                               const AttentionScratch& parts, Running& running) {
  if constexpr (kRows > 1) {
    if (rows < kRows) return attend_tile_of<kRows - 1>(rows, head, row, block, parts, running);
  }
  attend_tile<kRows>(head, row, block, parts, running);
}

inline void attention(const AttentionHead& head, std::size_t row_begin, std::size_t row_end, float* scratch) {
  const AttentionScratch parts = divide_scratch(head, scratch);
  pack_keys(head, parts.keys);
  pack_values(head, parts.values);
  Running running[kQueryTiles];
  for (std::size_t start = row_begin; start < row_end; start += kQueryTiles * kTileRows) {
    const std::size_t end = std::min(row_end, start + kQueryTiles * kTileRows);
    const std::size_t tiles = (end - start + kTileRows - 1) / kTileRows;
    const KeyRange seen =
        head.seen == nullptr ? KeyRange{0, head.key_count} : KeyRange{head.seen[start].begin, head.seen[end - 1].end};
    const std::size_t begin = seen.begin / kKeyBlock * kKeyBlock;
    for (std::size_t first = begin; first < seen.end; first += kKeyBlock) {
      const std::size_t count = std::min(kKeyBlock, head.key_count - first);
      const KeyBlock block{first, count, first == begin, first + count >= seen.end};
      std::size_t row = start;
      for (std::size_t tile = 0; tile < tiles; ++tile) {
        const std::size_t height = (end - row) / (tiles - tile);
        attend_tile_of<kTileRows>(height, head, row, block, parts, running[tile]);
        row += height;
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace ipfs_accelerate::cpu
HWY_AFTER_NAMESPACE();

#endif
