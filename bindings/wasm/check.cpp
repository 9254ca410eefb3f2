// The start-up self-check of a page's devices: tiny graphs that use every kernel, for comparing a device with the CPU.
#include <cmath>

#include "abi.h"

namespace ipfs_accelerate::wasm {
namespace {

constexpr std::int64_t kHidden = 64, kHeads = 2, kWords = 16;

ValueId linear(GraphBuilder& builder, const std::string& name, ValueId x, std::int64_t n, std::int64_t k,
               Activation activation = Activation::kNone, ValueId residual = kNoValue) {
  return builder.add(name, op::Linear{.x = x,
                                      .residual = residual,
                                      .weight = builder.weight(name, {n, k}),
                                      .bias = builder.weight(name + ".bias", {n}),
                                      .activation = activation});
}

/// Every op once, in the order in which an encoder uses them.
Result<Graph> tiny_encoder() {
  GraphBuilder builder;
  auto ids = builder.input("input_ids", Dtype::kI32, {kBatchDim, kSequenceDim});
  auto mask = builder.input("attention_mask", Dtype::kI32, {kBatchDim, kSequenceDim});
  auto rows = builder.input("rows", Dtype::kI32, {kRowsDim});
  auto gamma = builder.weight("gamma", {kHidden}), beta = builder.weight("beta", {kHidden});
  auto x = builder.add("embed", op::Embed{.ids = ids,
                                          .position_ids = mask,
                                          .word = builder.weight("word", {kWords, kHidden}),
                                          .position = builder.weight("position", {2, kHidden}),
                                          .gamma = gamma,
                                          .beta = beta});
  auto bias = builder.add("bias", op::RelativeBias{.table = builder.weight("table", {32, kHeads})});
  auto qkv = linear(builder, "qkv", x, 3 * kHidden, kHidden);
  auto mixed = builder.add("attention", op::Attention{.qkv = qkv,
                                                      .mask = mask,
                                                      .bias = bias,
                                                      .heads = kHeads,
                                                      .head_dim = kHidden / kHeads,
                                                      .scale = 1.0f / std::sqrt(float(kHidden / kHeads))});
  x = linear(builder, "out", mixed, kHidden, kHidden, Activation::kNone, x);
  x = builder.add("norm", op::LayerNorm{.x = x, .gamma = gamma, .beta = beta});
  x = linear(builder, "down", linear(builder, "up", x, 2 * kHidden, kHidden, Activation::kGelu), kHidden, 2 * kHidden);
  auto picked = builder.add("select", op::SelectRows{.x = x, .rows = rows});
  auto pooled = builder.add("pool", op::Pool{.x = x, .mask = mask});
  builder.output(builder.add("normalize", op::Normalize{.x = pooled}), "embedding");
  builder.output(linear(builder, "head", picked, kWords, kHidden, Activation::kTanh), "logits");
  return builder.finish();
}

Result<Json> make_case() {
  IA_ASSIGN(auto graph, tiny_encoder());
  auto shapes = Json::array();
  for (const auto& weight : graph.weights) shapes.push_back(weight.shape);
  auto json = graph_json(graph);
  json["words"] = kWords;
  json["weight_shapes"] = std::move(shapes);
  json["graph"] = graphs().keep(std::make_unique<Graph>(std::move(graph)));
  return json;
}

}  // namespace
}  // namespace ipfs_accelerate::wasm

/// A segment as in ia_session_plan, with its weights' shapes and the number of words its ids may name.
IA_EXPORT int ia_check_case() { return ipfs_accelerate::wasm::answer(ipfs_accelerate::wasm::make_case()); }
