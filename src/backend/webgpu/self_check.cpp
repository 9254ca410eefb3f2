// The tiny encoder of the self-check, and the search for the feature that breaks it.
#include "backend/webgpu/self_check.h"

#include <cmath>
#include <cstring>

namespace ipfs_accelerate::webgpu {
namespace {

constexpr std::int64_t kHidden = 64, kHeads = 2, kWords = 16, kBatch = 2, kSequence = 40;
constexpr double kTolerance32 = 2e-4, kTolerance16 = 2e-2;

/// Embedding, one transformer layer, pooling: [batch, hidden] of unit length.
Result<Graph> tiny_encoder() {
  GraphBuilder builder;
  const ValueId ids = builder.input("input_ids", Dtype::kI32, {kBatchDim, kSequenceDim});
  const ValueId mask = builder.input("attention_mask", Dtype::kI32, {kBatchDim, kSequenceDim});
  const auto vector = [&](const std::string& name, std::int64_t size) { return builder.weight(name, {size}); };
  const auto matrix = [&](const std::string& name, std::int64_t n, std::int64_t k) {
    return builder.weight(name, {n, k});
  };
  ValueId x = builder.add("embed", op::Embed{.ids = ids,
                                             .word = matrix("word", kWords, kHidden),
                                             .gamma = vector("gamma", kHidden),
                                             .beta = vector("beta", kHidden)});
  const ValueId qkv = builder.add(
      "qkv",
      op::Linear{.x = x, .weight = matrix("qkv", 3 * kHidden, kHidden), .bias = vector("qkv.bias", 3 * kHidden)});
  const ValueId mixed = builder.add("attention", op::Attention{.qkv = qkv,
                                                               .mask = mask,
                                                               .heads = kHeads,
                                                               .head_dim = kHidden / kHeads,
                                                               .scale = 1.0f / std::sqrt(float(kHidden / kHeads))});
  x = builder.add(
      "out",
      op::Linear{
          .x = mixed, .residual = x, .weight = matrix("out", kHidden, kHidden), .bias = vector("out.bias", kHidden)});
  x = builder.add("norm", op::LayerNorm{.x = x, .gamma = vector("gamma", kHidden), .beta = vector("beta", kHidden)});
  x = builder.add("up", op::Linear{.x = x,
                                   .weight = matrix("up", 2 * kHidden, kHidden),
                                   .bias = vector("up.bias", 2 * kHidden),
                                   .activation = Activation::kGelu});
  x = builder.add(
      "down", op::Linear{.x = x, .weight = matrix("down", kHidden, 2 * kHidden), .bias = vector("down.bias", kHidden)});
  x = builder.add("pool", op::Pool{.x = x, .mask = mask});
  x = builder.add("head",
                  op::Linear{.x = x, .weight = matrix("head", kHidden, kHidden), .activation = Activation::kTanh});
  builder.output(builder.add("normalize", op::Normalize{.x = x}), "embedding");
  return builder.finish();
}

/// Repeatable numbers in (-1, 1), scaled.
std::vector<float> numbers(std::size_t count, float scale, std::uint32_t seed) {
  std::vector<float> out(count);
  for (float& v : out) {
    seed = seed * 1664525u + 1013904223u;
    v = (float(seed >> 8) / 8388608.0f - 1.0f) * scale;
  }
  return out;
}

Result<std::vector<float>> run_on(Backend& backend, const Graph& graph, int precision) {
  IA_ASSIGN(auto program, backend.load(graph, {.precision = precision}));
  for (std::size_t id = 0; id < graph.weights.size(); ++id) {
    const Shape& shape = graph.weights[id].shape;
    IA_ASSIGN(const std::int64_t count, element_count(shape));
    const auto values = numbers(std::size_t(count), shape.size() == 1 ? 1.0f : 1.5f / std::sqrt(float(shape[1])),
                                std::uint32_t(id + 1));
    const WeightPart part{Dtype::kF32, shape,
                          as_bytes({reinterpret_cast<const char*>(values.data()), values.size() * 4})};
    IA_TRY(program->upload(WeightId(id), {&part, 1}));
  }
  IA_ASSIGN(auto executable, program->compile({.batch = kBatch, .sequence = kSequence}));
  std::vector<std::int32_t> ids(kBatch * kSequence), mask(ids.size(), 1);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = std::int32_t(i * 7 % kWords);
  for (std::size_t i = 0; i < 9; ++i) mask[mask.size() - 1 - i] = 0;
  const auto ref = [](const std::vector<std::int32_t>& v) {
    return TensorRef{Dtype::kI32, {reinterpret_cast<const std::uint8_t*>(v.data()), v.size() * 4}};
  };
  const TensorRef inputs[] = {ref(ids), ref(mask)};
  std::vector<float> out(kBatch * kHidden, std::nanf(""));
  const MutableTensorRef output{Dtype::kF32, {reinterpret_cast<std::uint8_t*>(out.data()), out.size() * 4}};
  IA_TRY(executable->run(inputs, {&output, 1}));
  return out;
}

/// Runs with these capabilities; empty when the numbers are right, else what went wrong.
std::string complaint(DawnBackend& backend, Backend& reference, const Capabilities& capabilities, int precision) {
  backend.dawn().capabilities = capabilities;
  const auto worst = check_once(backend, reference, precision);
  if (!worst) return worst.error().message;
  const double limit = precision == 16 ? kTolerance16 : kTolerance32;
  return *worst <= limit ? std::string() : std::format("differs from the CPU by {:.2e}, allowed {:.0e}", *worst, limit);
}

}  // namespace

Result<double> check_once(Backend& device, Backend& reference, int precision) {
  IA_ASSIGN(const Graph graph, tiny_encoder());
  IA_ASSIGN(const auto expected, run_on(reference, graph, 32));
  IA_ASSIGN(const auto got, run_on(device, graph, precision));
  double worst = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double difference = std::abs(double(expected[i]) - double(got[i]));
    worst = difference <= worst ? worst : difference;  // a NaN stays
  }
  return worst;
}

Result<> self_check(DawnBackend& backend, Backend& reference, int precision) {
  DawnDevice& device = backend.dawn();
  Capabilities use = device.capabilities;
  const auto switch_off = [&](auto& feature, const char* name, const std::string& why) {
    feature = {};
    device.info.switched_off.push_back(std::string(name) + ": " + why);
  };
  // Everything at once first: on a sound device that is all there is to do.
  if (precision == 32) {
    if (std::string why = complaint(backend, reference, use, 32); !why.empty()) {
      Capabilities plain = use;
      plain.subgroups = plain.shader_f16 = false;
      plain.subgroup_matrix = 0;
      if (const std::string base = complaint(backend, reference, plain, 32); !base.empty()) {
        return fail(ErrorCode::kSelfCheckFailed, "{} computes wrong numbers: {}", device.info.name, base);
      }
      switch_off(use.subgroups, "subgroups", why);
      use.subgroup_matrix = 0;
    }
  } else if (use.shader_f16) {
    if (std::string why = complaint(backend, reference, use, 16); !why.empty()) {
      if (use.subgroup_matrix != 0) switch_off(use.subgroup_matrix, "chromium-experimental-subgroup-matrix", why);
      if (why = complaint(backend, reference, use, 16); !why.empty()) switch_off(use.shader_f16, "shader-f16", why);
    }
  }
  device.capabilities = use;
  return device.state();
}

}  // namespace ipfs_accelerate::webgpu
