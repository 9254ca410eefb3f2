// What models of pictures share: patches, their positions, and pre-norm encoder layers.
#pragma once

#include "model/config.h"
#include "model/model_builder.h"

namespace ipfs_accelerate {

/// Sizes of a vision encoder, from config.json.
struct VisionShape {
  std::int64_t hidden = 0, layers = 0, heads = 0, intermediate = 0;
  std::int64_t channels = 0, picture = 0, patch = 0;  ///< pixels of the pictures it was made for, and of a patch
  Activation activation = Activation::kGelu;
  float epsilon = 1e-12f;
  bool qkv_bias = true;

  std::int64_t side() const { return picture / patch; }  ///< of the grid of positions
};
Result<VisionShape> read_vision_shape(const ModelConfig& config);

/// Tensor names of the patches' projection and of one layer, without ".weight" and ".bias".
struct VisionNames {
  std::string projection;
  std::string class_token, positions;  ///< whole names
  std::string layers;                  ///< the layer's number and a dot follow
  std::string query, key, value;
  std::string attention_output, norm_before, norm_after, intermediate, output;
};

/// Values of a built encoder.
struct VisionEncoder {
  ValueId pixels;
  std::vector<ValueId> states;  ///< hidden_states.0 ... hidden_states.N, before any final norm
};
/// The input pixel_values [batch, channels, height, width] of any height and width, embeddings and layers.
VisionEncoder build_vision_encoder(ModelBuilder& builder, const VisionShape& shape, const VisionNames& names);

}  // namespace ipfs_accelerate
