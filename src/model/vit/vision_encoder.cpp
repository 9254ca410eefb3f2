// The vision encoder: sizes, patches with positions, layers that normalize first.
#include "model/vit/vision_encoder.h"

namespace ipfs_accelerate {
namespace {

// Far beyond any published model, and small enough that no product of what is multiplied overflows.
constexpr std::int64_t kMaxHidden = 1 << 20, kMaxLayers = 1 << 12, kMaxSide = 1 << 14, kMaxChannels = 1 << 8;

ValueId build_embeddings(ModelBuilder& b, const VisionShape& shape, const VisionNames& names, ValueId pixels) {
  const std::int64_t hidden = shape.hidden, kernel = shape.channels * shape.patch * shape.patch;
  const op::Patches patches = patches_of(b, pixels, static_cast<std::int32_t>(shape.patch));
  op::Linear projection{.x = b.add("patches", patches)};
  projection.weight =
      b.reshaped(names.projection + ".weight", {hidden, shape.channels, shape.patch, shape.patch}, {hidden, kernel});
  projection.bias = b.stored(names.projection + ".bias", {hidden});
  const std::int64_t positions = 1 + shape.side() * shape.side();
  op::VisionEmbed embed{.x = b.add("projection", projection), .rows = patches.rows, .columns = patches.columns};
  embed.prefix = b.reshaped(names.class_token, {1, 1, hidden}, {1, hidden});
  embed.position = b.reshaped(names.positions, {1, positions, hidden}, {positions, hidden});
  embed.tokens = tokens_of(b, patches.count, 1);
  return b.add("embeddings", embed);
}

ValueId build_attention(ModelBuilder& b, const VisionShape& shape, const VisionNames& names, const std::string& stored,
                        const std::string& node, ValueId x) {
  const std::int64_t hidden = shape.hidden;
  const auto parts = [&](const char* kind) {
    return std::vector<std::string>{stored + names.query + kind, stored + names.key + kind,
                                    stored + names.value + kind};
  };
  op::Linear qkv{.x = x, .weight = b.stored_stack(parts(".weight"), {hidden, hidden})};
  if (shape.qkv_bias) qkv.bias = b.stored_stack(parts(".bias"), {hidden});
  return b.add(node + "attention", op::self_attention(b.add(node + "qkv", qkv), static_cast<std::int32_t>(shape.heads),
                                                      static_cast<std::int32_t>(hidden / shape.heads)));
}

ValueId build_layer(ModelBuilder& b, const VisionShape& shape, const VisionNames& names, std::int64_t number,
                    ValueId x) {
  const std::string stored = names.layers + std::to_string(number) + ".";
  const std::string node = "layer." + std::to_string(number) + ".";
  const std::int64_t hidden = shape.hidden;
  const ValueId before = b.layer_norm(node + "norm_before", x, stored + names.norm_before, hidden, shape.epsilon);
  const ValueId attended = build_attention(b, shape, names, stored, node, before);
  const ValueId mixed = b.linear(node + "attention_output", attended, stored + names.attention_output, hidden, hidden,
                                 Activation::kNone, x);
  const ValueId after = b.layer_norm(node + "norm_after", mixed, stored + names.norm_after, hidden, shape.epsilon);
  const ValueId wide =
      b.linear(node + "intermediate", after, stored + names.intermediate, shape.intermediate, hidden, shape.activation);
  return b.linear(node + "output", wide, stored + names.output, hidden, shape.intermediate, Activation::kNone, mixed);
}

}  // namespace

Result<VisionShape> read_vision_shape(const ModelConfig& config) {
  VisionShape shape;
  IA_ASSIGN(shape.hidden, config.size("hidden_size", kMaxHidden));
  IA_ASSIGN(shape.layers, config.size("num_hidden_layers", kMaxLayers));
  IA_ASSIGN(shape.heads, config.size("num_attention_heads", kMaxHidden));
  IA_ASSIGN(shape.intermediate, config.size("intermediate_size", kMaxHidden));
  IA_ASSIGN(shape.channels, config.size_or("num_channels", kMaxChannels, 3));
  IA_ASSIGN(shape.picture, config.size("image_size", kMaxSide));
  IA_ASSIGN(shape.patch, config.size("patch_size", kMaxSide));
  IA_ASSIGN(shape.activation, config.activation_or("hidden_act", "gelu"));
  IA_ASSIGN(shape.epsilon, config.epsilon_or("layer_norm_eps", 1e-12f));
  IA_ASSIGN(shape.qkv_bias, config.flag_or("qkv_bias", true));
  if (shape.hidden % shape.heads != 0) {
    return fail(ErrorCode::kMalformedConfig, "config.json: 'hidden_size' {} is no multiple of 'num_attention_heads' {}",
                shape.hidden, shape.heads);
  }
  if (shape.patch > shape.picture) {
    return fail(ErrorCode::kMalformedConfig, "config.json: 'patch_size' {} is above 'image_size' {}", shape.patch,
                shape.picture);
  }
  return shape;
}

VisionEncoder build_vision_encoder(ModelBuilder& b, const VisionShape& shape, const VisionNames& names) {
  const Dim batch = b.symbol(batch_symbol()), height = b.symbol(height_symbol()), width = b.symbol(width_symbol());
  VisionEncoder encoder;
  encoder.pixels = b.input("pixel_values", Dtype::kF32, {batch, dim(shape.channels), height, width});
  encoder.states.push_back(build_embeddings(b, shape, names, encoder.pixels));
  for (std::int64_t layer = 0; layer < shape.layers && encoder.states.back(); ++layer) {
    encoder.states.push_back(build_layer(b, shape, names, layer, encoder.states.back()));
  }
  return encoder;  // cut short after a mistake: a huge layer count must not cost time
}

}  // namespace ipfs_accelerate
