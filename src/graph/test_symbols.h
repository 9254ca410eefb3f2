// For tests and benchmarks: a builder with the usual symbols, so that dimensions and shapes are quickly written.
#pragma once

#include "graph/graph.h"

namespace ipfs_accelerate {

/// The dimensions of every TestBuilder.
inline constexpr Dim kBatchDim{{0}, 0}, kSequenceDim{{1}, 0}, kRowsDim{{2}, 0};

class TestBuilder : public GraphBuilder {
 public:
  TestBuilder() {
    symbol(batch_symbol());
    symbol(sequence_symbol());
    symbol(rows_symbol());
  }
};

/// self_attention() with a mask and a bias.
inline op::Attention masked_attention(ValueId qkv, ValueId mask, std::int32_t heads, std::int32_t head_dim,
                                      ValueId bias = kNoValue) {
  op::Attention attention = op::self_attention(qkv, heads, head_dim);
  attention.mask = mask;
  attention.bias = bias;
  return attention;
}

inline ShapeClass usual_shape(std::int64_t batch, std::int64_t sequence, std::int64_t rows = 1) {
  return {{kBatch, batch}, {kSequence, sequence}, {kRows, rows}};
}

}  // namespace ipfs_accelerate
