// T5Shape: sizes and kinds of a T5, from config.json.
#pragma once

#include "model/config.h"

namespace ipfs_accelerate {

struct T5Shape {
  std::string architecture;  ///< "t5", "mt5"
  std::int64_t hidden = 0, heads = 0, head_dim = 0, wide = 0, encoder_layers = 0, decoder_layers = 0, vocabulary = 0;
  std::int64_t positions = 0;  ///< of either text. T5 has no limit of its own: 'n_positions', or 512 as it was trained
  std::int64_t buckets = 0, max_distance = 0;
  std::int64_t pad_id = 0;
  Activation activation = Activation::kRelu;
  bool gated = false;
  bool tied = true, scaled = true;  ///< the head is the word table; what it reads is divided by the root of `hidden`
  float epsilon = 1e-6f;

  std::int64_t inner() const { return heads * head_dim; }  ///< columns of q, of k, of v: not always `hidden`
};

/// kMalformedConfig, kUnknownArchitecture.
Result<T5Shape> read_t5_shape(const ModelConfig& config);

}  // namespace ipfs_accelerate
