// The table of conformance cases, op by op: tails, tiny and long shapes, every combination of optional parts.
#include <algorithm>
#include <cmath>
#include <limits>

#include "conformance/case_maker.h"
#include "conformance/state_cases.h"

namespace ipfs_accelerate {
namespace {

using Cases = std::vector<ConformanceCase>;

std::string_view pattern_name(MaskPattern pattern) {
  constexpr std::string_view kNames[] = {"no_mask", "all_ones", "right_padded", "left_padded", "holes", "one_empty"};
  return kNames[static_cast<int>(pattern)];
}

const std::vector<Dim> kTokens{kBatchDim, kSequenceDim};

// ---- embed

/// `typed`: with a type table, whether there are ids for it.
ConformanceCase embed_case(ShapeClass shape, std::int64_t hidden, bool position, bool type, bool norm, bool beta,
                           Dtype dtype, bool typed = true) {
  CaseMaker maker("embed",
                  std::format("{}x{}_h{}{}{}{}{}_{}", shape.at(kBatch), shape.at(kSequence), hidden,
                              position ? "_pos" : "", type ? typed ? "_type" : "_first_type" : "", norm ? "_norm" : "",
                              beta ? "_beta" : "", dtype_name(dtype)),
                  shape, dtype);
  op::Embed embed;
  embed.epsilon = 1e-6f;
  embed.ids = maker.ids("ids", kTokens, 101);
  embed.word = maker.weight("word", {101, hidden}, 0.7f);
  if (position) {
    embed.position_ids = maker.ids("position_ids", kTokens, 140);
    embed.position = maker.weight("position", {140, hidden}, 0.4f);
  }
  if (type) {
    if (typed) embed.type_ids = maker.ids("type_ids", kTokens, 2);
    embed.type = maker.weight("type", {2, hidden}, 0.3f);
  }
  if (norm) embed.gamma = maker.weight("gamma", {hidden}, 0.1f, 1.0f);
  if (beta) embed.beta = maker.weight("beta", {hidden}, 0.1f);
  const ValueId y = maker.builder().add("embed", embed);
  return maker.finish(y);
}

void add_embed(Cases& cases) {
  for (const ShapeClass& shape :
       {usual_shape(1, 1, 1), usual_shape(1, 17, 1), usual_shape(3, 128, 1), usual_shape(5, 3, 1)}) {
    for (const std::int64_t hidden : {4, 30, 52, 384}) {
      cases.push_back(embed_case(shape, hidden, true, true, true, true, Dtype::kF32));
    }
  }
  const ShapeClass shape = usual_shape(2, 7, 1);
  cases.push_back(embed_case(shape, 36, false, false, false, false, Dtype::kF32));
  cases.push_back(embed_case(shape, 36, true, false, true, false, Dtype::kF32));
  cases.push_back(embed_case(shape, 36, false, true, true, true, Dtype::kF16));
  cases.push_back(embed_case(shape, 35, true, true, true, true, Dtype::kBF16));
  cases.push_back(embed_case(shape, 1, true, true, false, false, Dtype::kF32));
  cases.push_back(embed_case(shape, 36, true, true, true, true, Dtype::kF32, false));
  cases.push_back(embed_case(shape, 35, false, true, false, false, Dtype::kF16, false));
}

// ---- linear

constexpr Activation kActivations[] = {Activation::kNone, Activation::kGelu, Activation::kGeluTanh,
                                       Activation::kRelu, Activation::kTanh, Activation::kSilu};

struct LinearShape {
  std::int64_t batch, sequence, depth, columns;
};

ConformanceCase linear_case(LinearShape s, bool bias, bool residual, Activation activation, Dtype dtype,
                            int parts = 1) {
  CaseMaker maker(
      "linear",
      std::format("{}x{}_{}to{}{}{}_{}_{}{}", s.batch, s.sequence, s.depth, s.columns, bias ? "_bias" : "",
                  residual ? "_residual" : "", name_of(activation), dtype_name(dtype), parts > 1 ? "_stacked" : ""),
      usual_shape(s.batch, s.sequence), dtype);
  op::Linear linear;
  linear.x = maker.floats("x", {kBatchDim, kSequenceDim, dim(s.depth)});
  linear.weight =
      maker.weight("weight", {s.columns, s.depth}, 1.5f / std::sqrt(static_cast<float>(s.depth)), 0.0f, parts);
  if (bias) linear.bias = maker.weight("bias", {s.columns}, 0.5f, 0.0f, parts);
  if (residual) linear.residual = maker.floats("residual", {kBatchDim, kSequenceDim, dim(s.columns)});
  linear.activation = activation;
  const ValueId y = maker.builder().add("linear", linear);
  return maker.finish(y);
}

void add_linear(Cases& cases) {
  constexpr LinearShape kShapes[] = {{1, 1, 1, 1},       {1, 1, 3, 5},      {1, 1, 384, 2},    {1, 3, 32, 33},
                                     {1, 5, 7, 31},      {1, 6, 64, 32},    {1, 7, 65, 64},    {1, 13, 48, 47},
                                     {1, 17, 33, 97},    {3, 11, 52, 156},  {1, 16, 384, 384}, {2, 17, 100, 260},
                                     {8, 1, 36, 144},    {1, 128, 64, 96},  {3, 43, 30, 120},  {1, 131, 96, 129},
                                     {2, 150, 128, 512}, {1, 12, 1536, 40}, {1, 2, 20, 1003}};
  for (const LinearShape& shape : kShapes) {
    cases.push_back(linear_case(shape, true, false, Activation::kNone, Dtype::kF32));
    cases.push_back(linear_case(shape, true, true, Activation::kNone, Dtype::kF32));
    cases.push_back(linear_case(shape, true, false, Activation::kGelu, Dtype::kF32));
  }
  for (const Activation activation : kActivations) {
    for (const bool bias : {false, true}) {
      for (const bool residual : {false, true}) {
        cases.push_back(linear_case({2, 9, 44, 37}, bias, residual, activation, Dtype::kF32));
      }
    }
  }
  cases.push_back(linear_case({2, 9, 44, 37}, true, false, Activation::kNone, Dtype::kF16));
  cases.push_back(linear_case({2, 9, 45, 37}, true, false, Activation::kNone, Dtype::kBF16));
  cases.push_back(linear_case({2, 9, 45, 111}, true, false, Activation::kNone, Dtype::kF32, 3));
  cases.push_back(linear_case({1, 19, 40, 120}, true, false, Activation::kNone, Dtype::kF16, 3));
}

// ---- layer_norm

ConformanceCase norm_case(ShapeClass shape, std::int64_t hidden, bool residual, bool beta, float epsilon, float mean) {
  CaseMaker maker("layer_norm",
                  std::format("{}x{}_h{}{}{}_eps{}_mean{}", shape.at(kBatch), shape.at(kSequence), hidden,
                              residual ? "_residual" : "", beta ? "_beta" : "", epsilon, mean),
                  shape);
  op::LayerNorm norm;
  const std::vector<Dim> dims{kBatchDim, kSequenceDim, dim(hidden)};
  norm.x = maker.floats("x", dims, 2.0f);
  if (mean != 0.0f) {  // a large common offset: one-pass variance would lose every digit
    norm.residual =
        maker.builder().add("offset", op::Linear{.x = norm.x,
                                                 .weight = maker.weight("zero", {hidden, hidden}, 0.0f),
                                                 .bias = maker.weight("offset_bias", {hidden}, 0.0f, mean)});
  } else if (residual) {
    norm.residual = maker.floats("residual", dims);
  }
  norm.gamma = maker.weight("gamma", {hidden}, 0.2f, 1.0f);
  if (beta) norm.beta = maker.weight("beta", {hidden}, 0.3f);
  norm.epsilon = epsilon;
  const ValueId y = maker.builder().add("norm", norm);
  if (mean != 0.0f) maker.tolerance(2e-3);  // x + offset itself has that few digits in f32
  return maker.finish(y);
}

void add_layer_norm(Cases& cases) {
  for (const std::int64_t hidden : {2, 7, 16, 30, 32, 33, 52, 96, 384, 1000}) {
    for (const ShapeClass& shape : {usual_shape(1, 1, 1), usual_shape(3, 17, 1), usual_shape(1, 129, 1)}) {
      cases.push_back(norm_case(shape, hidden, false, true, 1e-12f, 0.0f));
      cases.push_back(norm_case(shape, hidden, true, hidden % 2 == 0, 1e-5f, 0.0f));
    }
  }
  cases.push_back(norm_case(usual_shape(2, 5), 64, true, true, 1e-12f, 1000.0f));
}

// ---- attention

ConformanceCase attention_case(ShapeClass shape, std::int32_t heads, std::int32_t head_dim, MaskPattern pattern,
                               bool bias, float deviation = 1.0f) {
  CaseMaker maker("attention",
                  std::format("{}x{}_{}heads_of_{}_{}{}{}", shape.at(kBatch), shape.at(kSequence), heads, head_dim,
                              pattern_name(pattern), bias ? "_bias" : "", deviation > 1.0f ? "_peaked" : ""),
                  shape);
  const ValueId qkv = maker.floats("qkv", {kBatchDim, kSequenceDim, dim(3 * heads * head_dim)}, deviation);
  op::Attention attention = masked_attention(qkv, maker.mask(pattern), heads, head_dim);
  if (bias) attention.bias = maker.floats("bias", {dim(heads), kSequenceDim, kSequenceDim}, 2.0f);
  if (deviation > 1.0f) maker.tolerance(3e-4);  // scores of several hundred: f32 itself rounds them by 3e-5
  const ValueId y = maker.builder().add("attention", attention);
  return maker.finish(y);
}

/// Queries apart from keys and values, in every form that models have.
struct GeneralAttention {
  std::int64_t batch = 1, queries = 1, keys = 1;
  std::int32_t heads = 2, kv_heads = 2, head_dim = 16;
  bool causal = false;
  std::int32_t window = 0;
  float soft_cap = 0;
  MaskPattern pattern = MaskPattern::kNone;
  bool bias = false;
  std::int32_t aside = 0;  ///< columns before, between and after those that are read
};

ConformanceCase general_attention_case(const GeneralAttention& c) {
  CaseMaker maker(
      "attention",
      std::format("{}x{}_of_{}_{}heads_on_{}_of_{}{}{}{}_{}{}{}", c.batch, c.queries, c.keys, c.heads, c.kv_heads,
                  c.head_dim, c.causal ? "_causal" : "", c.window > 0 ? std::format("_window{}", c.window) : "",
                  c.soft_cap > 0 ? std::format("_cap{}", c.soft_cap) : "", pattern_name(c.pattern),
                  c.bias ? "_bias" : "", c.aside > 0 ? std::format("_aside{}", c.aside) : ""),
      usual_shape(c.batch, c.keys, c.queries));
  const std::int32_t hidden = c.heads * c.head_dim, narrow = c.kv_heads * c.head_dim;
  op::Attention op{.heads = c.heads, .kv_heads = c.kv_heads, .head_dim = c.head_dim};
  op.q = {maker.floats("q", {kBatchDim, kRowsDim, dim(hidden + 2 * c.aside)}), c.aside};
  if (c.aside > 0) {  // keys and values side by side
    const ValueId kv = maker.floats("kv", {kBatchDim, kSequenceDim, dim(2 * narrow + 3 * c.aside)});
    op.k = {kv, c.aside};
    op.v = {kv, narrow + 2 * c.aside};
  } else {
    op.k = {maker.floats("k", {kBatchDim, kSequenceDim, dim(narrow)}), 0};
    op.v = {maker.floats("v", {kBatchDim, kSequenceDim, dim(narrow)}), 0};
  }
  op.mask = maker.mask(c.pattern);
  if (c.bias) op.bias = maker.floats("bias", {dim(c.heads), kRowsDim, kSequenceDim}, 2.0f);
  op.scale = 1.0f / std::sqrt(static_cast<float>(c.head_dim));
  op.causal = c.causal;
  op.window = c.window;
  op.soft_cap = c.soft_cap;
  return maker.finish(maker.builder().add("attention", op));
}

void add_general_attention(Cases& cases) {
  const auto add = [&](const GeneralAttention& c) { cases.push_back(general_attention_case(c)); };
  add({.queries = 3, .keys = 7});
  add({.batch = 2, .queries = 21, .keys = 5, .pattern = MaskPattern::kRightPadded, .bias = true});
  add({.batch = 2, .queries = 1, .keys = 300, .heads = 4, .kv_heads = 2, .pattern = MaskPattern::kHoles});
  for (const std::int32_t kv_heads : {1, 2, 6}) {
    add({.batch = 2, .queries = 9, .keys = 9, .heads = 6, .kv_heads = kv_heads, .head_dim = 12});
  }
  for (const MaskPattern pattern : kMaskPatterns) {
    add({.batch = 3, .queries = 19, .keys = 19, .causal = true, .pattern = pattern, .bias = true});
    add({.batch = 2, .queries = 5, .keys = 23, .head_dim = 9, .causal = true, .pattern = pattern});
    add({.batch = 2, .queries = 33, .keys = 33, .causal = true, .window = 4, .pattern = pattern});
  }
  add({.queries = 1, .keys = 1, .causal = true});
  add({.queries = 150, .keys = 150, .head_dim = 32, .causal = true});
  add({.queries = 70, .keys = 600, .heads = 4, .kv_heads = 1, .head_dim = 24, .causal = true});
  add({.queries = 530, .keys = 530, .causal = true, .window = 100});
  add({.queries = 300, .keys = 300, .causal = true, .window = 1});
  add({.batch = 2, .queries = 12, .keys = 40, .soft_cap = 1.5f});
  add({.batch = 2,
       .queries = 40,
       .keys = 40,
       .heads = 4,
       .kv_heads = 2,
       .causal = true,
       .window = 7,
       .soft_cap = 0.7f,
       .pattern = MaskPattern::kLeftPadded,
       .bias = true});
  for (const std::int32_t aside : {1, 4, 8}) {
    add({.batch = 2, .queries = 11, .keys = 20, .heads = 4, .kv_heads = 2, .causal = true, .aside = aside});
    add({.batch = 2, .queries = 34, .keys = 20, .head_dim = 32, .pattern = MaskPattern::kHoles, .aside = aside});
  }
}

void add_attention(Cases& cases) {
  for (const MaskPattern pattern : kMaskPatterns) {
    for (const bool bias : {false, true}) {
      cases.push_back(attention_case(usual_shape(1, 1), 1, 8, pattern, bias));
      cases.push_back(attention_case(usual_shape(3, 3), 2, 15, pattern, bias));
      cases.push_back(attention_case(usual_shape(2, 17), 3, 20, pattern, bias));
      cases.push_back(attention_case(usual_shape(2, 64), 4, 32, pattern, bias));
      cases.push_back(attention_case(usual_shape(2, 131), 2, 33, pattern, bias));
    }
  }
  for (const std::int32_t heads : {1, 2, 5, 12}) {
    for (const std::int32_t head_dim : {8, 9, 16, 31, 48, 64}) {
      cases.push_back(attention_case(usual_shape(2, 19), heads, head_dim, MaskPattern::kRightPadded, false));
    }
  }
  cases.push_back(attention_case(usual_shape(1, 512), 1, 32, MaskPattern::kNone, false));
  cases.push_back(attention_case(usual_shape(1, 517), 2, 16, MaskPattern::kAllOnes, true));
  cases.push_back(attention_case(usual_shape(1, 1100), 1, 24, MaskPattern::kHoles, true));
  cases.push_back(attention_case(usual_shape(2, 40), 2, 32, MaskPattern::kHoles, false, 8.0f));  // softmax near one key
}

// ---- relative_bias

ConformanceCase relative_case(std::int64_t sequence, std::int64_t heads, std::int32_t buckets,
                              std::int32_t max_distance, bool bidirectional) {
  CaseMaker maker("relative_bias",
                  std::format("s{}_{}heads_{}buckets_{}{}", sequence, heads, buckets, max_distance,
                              bidirectional ? "" : "_one_way"),
                  usual_shape(1, sequence));
  const op::RelativeBias bias{.table = maker.weight("table", {buckets, heads}, 1.0f),
                              .length = kSequenceDim,
                              .buckets = buckets,
                              .max_distance = max_distance,
                              .bidirectional = bidirectional};
  // A graph needs an input; the bias itself reads none.
  const ValueId qkv = maker.floats("qkv", {kBatchDim, kSequenceDim, dim(3 * heads * 8)});
  const ValueId value = maker.builder().add("bias", bias);
  const ValueId y =
      maker.builder().add("attention", masked_attention(qkv, kNoValue, static_cast<std::int32_t>(heads), 8, value));
  maker.builder().output(y, "attended");
  return maker.finish(value);
}

void add_relative_bias(Cases& cases) {
  for (const std::int64_t sequence : {1, 3, 17, 64, 150}) {
    cases.push_back(relative_case(sequence, 2, 32, 128, true));
    cases.push_back(relative_case(sequence, 3, 32, 128, false));
  }
  cases.push_back(relative_case(300, 1, 32, 128, true));
  cases.push_back(relative_case(40, 12, 8, 20, true));
}

// ---- pool, normalize, select_rows

ConformanceCase pool_case(ShapeClass shape, std::int64_t hidden, PoolMode mode, MaskPattern pattern) {
  CaseMaker maker("pool",
                  std::format("{}_{}x{}_h{}_{}", name_of(mode), shape.at(kBatch), shape.at(kSequence), hidden,
                              pattern_name(pattern)),
                  shape);
  op::Pool pool;
  pool.x = maker.floats("x", {kBatchDim, kSequenceDim, dim(hidden)});
  pool.mask = maker.mask(pattern);
  pool.mode = mode;
  const ValueId y = maker.builder().add("pool", pool);
  return maker.finish(y);
}

void add_pool(Cases& cases) {
  for (const PoolMode mode : {PoolMode::kMean, PoolMode::kCls, PoolMode::kMax, PoolMode::kMeanSqrtLength,
                              PoolMode::kLastToken, PoolMode::kWeightedMean}) {
    for (const MaskPattern pattern : kMaskPatterns) {
      // There is no last token in an empty row, and no rule for what to give instead.
      if (mode == PoolMode::kLastToken && pattern == MaskPattern::kOneRowEmpty) continue;
      cases.push_back(pool_case(usual_shape(3, 17), 37, mode, pattern));
      cases.push_back(pool_case(usual_shape(1, 1), 5, mode, pattern));
    }
    cases.push_back(pool_case(usual_shape(2, 130), 384, mode, MaskPattern::kRightPadded));
  }
}

void add_normalize(Cases& cases) {
  for (const std::int64_t width : {1, 2, 15, 33, 384, 1001}) {
    for (const std::int64_t batch : {1, 3, 65}) {
      CaseMaker maker("normalize", std::format("{}_w{}", batch, width), usual_shape(batch, 1));
      const ValueId x = maker.floats("x", {kBatchDim, dim(width)});
      cases.push_back(maker.finish(maker.builder().add("normalize", op::Normalize{.x = x})));
    }
  }
  CaseMaker maker("normalize", "zeros", usual_shape(3, 1));  // nothing to divide by: stays zero
  const ValueId x = maker.floats("x", {kBatchDim, dim(20)}, 0.0f);
  cases.push_back(maker.finish(maker.builder().add("normalize", op::Normalize{.x = x})));
}

void add_select_rows(Cases& cases) {
  for (const ShapeClass& shape :
       {usual_shape(1, 1, 1), usual_shape(2, 9, 5), usual_shape(3, 50, 1), usual_shape(1, 7, 20)}) {
    for (const std::int64_t width : {1, 30, 384}) {
      CaseMaker maker("select_rows",
                      std::format("{}x{}_{}rows_w{}", shape.at(kBatch), shape.at(kSequence), shape.at(kRows), width),
                      shape);
      const ValueId x = maker.floats("x", {kBatchDim, kSequenceDim, dim(width)});
      const ValueId rows =
          maker.ids("rows", {kRowsDim}, static_cast<std::int32_t>(shape.at(kBatch) * shape.at(kSequence)));
      cases.push_back(maker.finish(maker.builder().add("select_rows", op::SelectRows{.x = x, .rows = rows})));
    }
  }
}

// ---- scale, and ops between two of it: there a backend that computes in f16 hands them f16 values

void add_scale(Cases& cases) {
  for (const ShapeClass& shape : {usual_shape(1, 1), usual_shape(3, 7), usual_shape(1, 129)}) {
    for (const std::int64_t width : {1, 6, 33, 384, 1100}) {
      CaseMaker maker("scale", std::format("{}x{}_w{}", shape.at(kBatch), shape.at(kSequence), width), shape);
      const ValueId x = maker.floats("x", {kBatchDim, kSequenceDim, dim(width)});
      const ValueId half = maker.builder().add("half", op::Scale{.x = x, .factor = 0.5f});
      cases.push_back(maker.finish(maker.builder().add("scale", op::Scale{.x = half, .factor = -3.7f})));
    }
  }
}

// ---- soft_cap, also far beyond the cap

void add_soft_cap(Cases& cases) {
  for (const float cap : {0.5f, 30.0f, 100.0f}) {
    for (const std::int64_t width : {1, 6, 384, 1100}) {
      CaseMaker maker("soft_cap", std::format("cap{}_w{}", cap, width), usual_shape(3, 7));
      const ValueId x = maker.floats("x", {kBatchDim, kSequenceDim, dim(width)});
      const ValueId large = maker.builder().add("large", op::Scale{.x = x, .factor = 40.0f});
      cases.push_back(maker.finish(maker.builder().add("soft_cap", op::SoftCap{.x = large, .cap = cap})));
    }
  }
}

// ---- rms_norm

ConformanceCase rms_case(ShapeClass shape, std::int64_t width, float deviation, float epsilon) {
  CaseMaker maker(
      "rms_norm",
      std::format("{}x{}_w{}_deviation{}_eps{}", shape.at(kBatch), shape.at(kSequence), width, deviation, epsilon),
      shape);
  ValueId x = maker.floats("x", {kBatchDim, kSequenceDim, dim(width)}, deviation);
  x = maker.builder().add("before", op::Scale{.x = x, .factor = 1.5f});
  const op::RmsNorm norm{.x = x, .gamma = maker.weight("gamma", {width}, 0.2f, 1.0f), .epsilon = epsilon};
  x = maker.builder().add("norm", norm);
  return maker.finish(maker.builder().add("after", op::Scale{.x = x, .factor = 0.5f}));
}

void add_rms_norm(Cases& cases) {
  for (const std::int64_t width : {1, 2, 7, 16, 30, 33, 52, 384, 1000, 1101}) {
    for (const ShapeClass& shape : {usual_shape(1, 1), usual_shape(3, 17), usual_shape(1, 129)}) {
      cases.push_back(rms_case(shape, width, 2.0f, 1e-6f));
    }
  }
  cases.push_back(rms_case(usual_shape(2, 5), 64, 0.0f, 1e-5f));    // zeros stay zero
  cases.push_back(rms_case(usual_shape(2, 5), 64, 300.0f, 1e-6f));  // squares beyond f16
  cases.push_back(rms_case(usual_shape(2, 5), 64, 0.01f, 1e-2f));   // mostly epsilon
}

// ---- gate

ConformanceCase gate_case(ShapeClass shape, std::int64_t width, Activation activation, float deviation) {
  CaseMaker maker("gate",
                  std::format("{}x{}_w{}_{}_deviation{}", shape.at(kBatch), shape.at(kSequence), width,
                              name_of(activation), deviation),
                  shape);
  ValueId x = maker.floats("x", {kBatchDim, kSequenceDim, dim(2 * width)}, deviation);
  x = maker.builder().add("before", op::Scale{.x = x, .factor = 1.5f});
  x = maker.builder().add("gate", op::Gate{.x = x, .activation = activation});
  return maker.finish(maker.builder().add("after", op::Scale{.x = x, .factor = 0.5f}));
}

void add_gate(Cases& cases) {
  for (const Activation activation : {Activation::kNone, Activation::kGelu, Activation::kGeluTanh, Activation::kRelu,
                                      Activation::kTanh, Activation::kSilu}) {
    cases.push_back(gate_case(usual_shape(3, 17), 37, activation, 1.0f));
    cases.push_back(gate_case(usual_shape(2, 5), 96, activation, 1.0f));
  }
  for (const std::int64_t width : {1, 2, 4, 31, 1100}) {
    cases.push_back(gate_case(usual_shape(1, 1), width, Activation::kSilu, 2.0f));
    cases.push_back(gate_case(usual_shape(1, 129), width, Activation::kGeluTanh, 2.0f));
  }
  cases.push_back(gate_case(usual_shape(2, 5), 96, Activation::kSilu, 50.0f));  // far beyond where exp overflows
}

// ---- arg_max

ConformanceCase arg_max_case(std::int64_t rows, std::int64_t columns, std::int32_t limit) {
  CaseMaker maker("arg_max", std::format("{}x{}_limit{}", rows, columns, limit), usual_shape(1, 1, rows));
  ValueId x = maker.whole_floats("x", {kRowsDim, dim(columns)}, limit);
  x = maker.builder().add("before", op::Scale{.x = x, .factor = 0.5f});
  return maker.finish(maker.builder().add("most", op::ArgMax{.x = x}));
}

// Rows with NaNs and infinities in them; `before`: after another op, so that a backend may hold them in f16.
ConformanceCase arg_max_odd_case(std::int64_t columns, bool before) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN(), kInfinity = std::numeric_limits<float>::infinity();
  CaseMaker maker("arg_max", std::format("odd_{}{}", columns, before ? "_before" : ""), usual_shape(1, 1, 11));
  ValueId x = maker.whole_floats("x", {kRowsDim, dim(columns)}, 2000);
  std::vector<std::pair<std::int64_t, float>> odd{
      {0, kNan},                      // the first
      {columns + columns / 2, kNan},  // one
      {3 * columns - 1, -kNan},       // the last
      {3 * columns, kInfinity},       // the largest
      {4 * columns, kInfinity},
      {5 * columns - 1, kNan},  // both
      {5 * columns, -kInfinity},
      {5 * columns + 1, -kInfinity},  // what is masked: others are larger
  };
  for (std::int64_t i = 0; i < columns; ++i) {
    odd.emplace_back(6 * columns + i, -kInfinity);                             // nothing else
    odd.emplace_back(7 * columns + i, kNan);                                   // nothing else
    odd.emplace_back(8 * columns + i, i == columns - 1 ? -3e4f : -kInfinity);  // all but one
    odd.emplace_back(9 * columns + i, i == 1 ? 0.0f : -0.0f);                  // zeros are equal
    odd.emplace_back(10 * columns + i, i == 0 ? -1.0f : -2.0f);
  }
  maker.replace(odd);
  if (before) x = maker.builder().add("before", op::Scale{.x = x, .factor = 0.5f});
  return maker.finish(maker.builder().add("most", op::ArgMax{.x = x}));
}

// What arg_max gives is read by another op.
ConformanceCase arg_max_read_case() {
  CaseMaker maker("arg_max", "read", usual_shape(2, 9, 5));
  const ValueId scores = maker.whole_floats("scores", {kRowsDim, dim(18)}, 500);
  const ValueId most = maker.builder().add("most", op::ArgMax{.x = scores});
  const ValueId x = maker.floats("x", {kBatchDim, kSequenceDim, dim(12)});
  return maker.finish(maker.builder().add("picked", op::SelectRows{.x = x, .rows = most}));
}

void add_arg_max(Cases& cases) {
  for (const std::int64_t columns : {1, 2, 63, 64, 65, 1000, 5003}) {
    for (const std::int64_t rows : {1, 3, 40}) {
      cases.push_back(arg_max_case(rows, columns, 5));  // many equals
      cases.push_back(arg_max_case(rows, columns, 2000));
    }
  }
  cases.push_back(arg_max_case(2, 30, 0));         // all equal
  cases.push_back(arg_max_case(1, 260007, 2000));  // a large vocabulary
  cases.push_back(arg_max_case(3, 70001, 1));
  cases.push_back(arg_max_read_case());
  for (const std::int64_t columns : {5, 64, 1500, 70001}) {
    cases.push_back(arg_max_odd_case(columns, false));
    cases.push_back(arg_max_odd_case(columns, true));
  }
}

// ---- distance_bias

ConformanceCase distance_case(std::int32_t distances, std::int64_t heads, std::int64_t buckets,
                              std::int32_t max_distance) {
  CaseMaker maker("distance_bias", std::format("{}_{}heads_{}buckets_{}", distances, heads, buckets, max_distance),
                  usual_shape(2, 1));
  const ValueId x = maker.floats("x", {kBatchDim, dim(3)});  // a graph needs an input; the bias itself reads none
  maker.builder().output(maker.builder().add("other", op::Scale{.x = x, .factor = 2}), "z");
  const op::DistanceBias bias{
      .table = maker.weight("table", {buckets, heads}, 1.0f), .distances = distances, .max_distance = max_distance};
  const ValueId kept = maker.builder().add("bias", bias);  // one that a node reads, one that is an output
  maker.builder().output(maker.builder().add("twice", op::Scale{.x = kept, .factor = 2}), "twice_bias");
  return maker.finish(maker.builder().add("again", bias));
}

void add_distance_bias(Cases& cases) {
  for (const std::int32_t distances : {1, 3, 16, 17, 129, 300}) {
    cases.push_back(distance_case(distances, 2, 32, 128));
    cases.push_back(distance_case(distances, 5, 8, 20));
  }
  cases.push_back(distance_case(2050, 12, 64, 1000));
}

// ---- patches, vision_embed

ShapeClass picture_shape(std::int64_t batch, std::int64_t height, std::int64_t width) {
  return {{kBatch, batch}, {kHeight, height}, {kWidth, width}};
}

ValueId pixels_of(CaseMaker& maker, std::int64_t channels) {
  GraphBuilder& b = maker.builder();
  const Dim height = b.symbol(height_symbol()), width = b.symbol(width_symbol());
  return maker.floats("pixels", {kBatchDim, dim(channels), height, width});
}

struct PatchesShape {
  std::int64_t batch, channels, height, width;
  std::int32_t size;
};

void add_patches(Cases& cases) {
  constexpr PatchesShape kShapes[] = {{1, 1, 1, 1, 1},   {1, 3, 5, 7, 1},   {2, 3, 16, 16, 4},  {3, 2, 9, 17, 4},
                                      {1, 3, 40, 56, 8}, {2, 1, 14, 29, 7}, {1, 3, 33, 70, 16}, {2, 3, 15, 8, 8}};
  for (const PatchesShape& s : kShapes) {
    CaseMaker maker("patches", std::format("{}x{}x{}x{}_by{}", s.batch, s.channels, s.height, s.width, s.size),
                    picture_shape(s.batch, s.height, s.width));
    const ValueId pixels = pixels_of(maker, s.channels);
    cases.push_back(maker.finish(maker.builder().add("patches", patches_of(maker.builder(), pixels, s.size))));
  }
}

struct VisionShape {
  std::int64_t batch, rows, columns, hidden, prefix, side;
};

/// A patch for each pixel, with as many channels as the model is wide.
ConformanceCase vision_case(const VisionShape& s, Dtype dtype) {
  CaseMaker maker("vision_embed",
                  std::format("{}x{}x{}_h{}_{}before_{}grid_{}", s.batch, s.rows, s.columns, s.hidden, s.prefix, s.side,
                              dtype_name(dtype)),
                  picture_shape(s.batch, s.rows, s.columns), dtype);
  GraphBuilder& b = maker.builder();
  const op::Patches patches = patches_of(b, pixels_of(maker, s.hidden), 1);
  op::VisionEmbed op{.x = b.add("patches", patches), .rows = patches.rows, .columns = patches.columns};
  if (s.prefix > 0) op.prefix = maker.weight("prefix", {s.prefix, s.hidden}, 1.0f);
  op.position = maker.weight("position", {s.prefix + s.side * s.side, s.hidden}, 1.0f);
  op.tokens = tokens_of(b, patches.count, s.prefix);
  return maker.finish(b.add("vision_embed", op));
}

void add_vision_embed(Cases& cases) {
  constexpr VisionShape kShapes[] = {
      {1, 1, 1, 4, 1, 1},  {2, 4, 4, 32, 1, 4}, {3, 5, 7, 30, 1, 4},    {1, 2, 3, 33, 0, 4}, {2, 4, 4, 12, 0, 4},
      {1, 3, 3, 20, 2, 7}, {2, 9, 2, 70, 1, 1}, {1, 14, 13, 64, 1, 14}, {2, 1, 6, 5, 2, 3},  {1, 20, 31, 16, 1, 6}};
  for (const VisionShape& shape : kShapes) cases.push_back(vision_case(shape, Dtype::kF32));
  cases.push_back(vision_case({2, 3, 5, 48, 1, 4}, Dtype::kF16));
  cases.push_back(vision_case({2, 4, 4, 48, 1, 4}, Dtype::kBF16));
}

// ---- rope

struct RopeShape {
  ShapeClass shape;
  std::int64_t columns;
  std::int32_t heads, head_dim, rotary_dim, limit;  ///< positions are `limit` ones from `first`
};

ConformanceCase rope_case(const RopeShape& s, float factor = 1, float direction = 1, std::int32_t first = 0) {
  CaseMaker maker("rope",
                  std::format("{}x{}_{}columns_{}heads_of_{}_{}rotary_{}to{}_factor{}_direction{}", s.shape.at(kBatch),
                              s.shape.at(kSequence), s.columns, s.heads, s.head_dim, s.rotary_dim, first, s.limit,
                              factor, direction),
                  s.shape);
  ValueId x = maker.floats("x", {kBatchDim, kSequenceDim, dim(s.columns)});
  op::Rope rope{.positions = maker.ids("positions", kTokens, s.limit, first),
                .heads = s.heads,
                .head_dim = s.head_dim,
                .rotary_dim = s.rotary_dim,
                .factor = factor};
  for (int i = 0; i < s.rotary_dim / 2; ++i) {
    rope.frequencies.push_back(direction * std::pow(10000.0f, -2.0f * static_cast<float>(i) / s.rotary_dim));
  }
  rope.x = maker.builder().add("before", op::Scale{.x = x, .factor = 1.5f});
  x = maker.builder().add("rope", rope);
  return maker.finish(maker.builder().add("after", op::Scale{.x = x, .factor = 0.5f}));
}

void add_rope(Cases& cases) {
  for (const std::int32_t limit : {1, 100, 131073}) {
    cases.push_back(rope_case({usual_shape(1, 1), 2, 1, 2, 2, limit}));
    cases.push_back(rope_case({usual_shape(3, 17), 3 * 36, 3, 36, 36, limit}));
    cases.push_back(rope_case({usual_shape(2, 9), 200, 2, 64, 64, limit}));         // and columns that are not heads
    cases.push_back(rope_case({usual_shape(2, 5), 3 * 2 * 48, 4, 48, 12, limit}));  // a part of each head
    cases.push_back(rope_case({usual_shape(1, 129), 7 * 10 + 3, 7, 10, 6, limit}, 1.25f));
  }
  cases.push_back(rope_case({usual_shape(2, 70), 6 * 128, 5, 128, 128, 131073}, 0.5f, -1));
  cases.push_back(rope_case({usual_shape(2, 70), 256, 2, 64, 64, 2 * 131072}, 1, 1, -131072));
  cases.push_back(rope_case({usual_shape(1, 3), 512, 1, 512, 512, 1 << 24}));
}

// ---- chain: a small encoder, so that memory reuse and fusion are seen too

struct ChainShape {
  ShapeClass shape;
  std::int32_t heads, head_dim;
  std::int64_t ffn;
};

ValueId add_layer(CaseMaker& maker, int index, const ChainShape& s, ValueId x, ValueId mask, ValueId bias) {
  const std::int64_t hidden = std::int64_t{s.heads} * s.head_dim;
  const float deviation = 1.0f / std::sqrt(static_cast<float>(hidden));
  const auto name = [&](std::string_view part) { return std::format("layer{}.{}", index, part); };
  GraphBuilder& b = maker.builder();
  const ValueId qkv =
      b.add(name("qkv"), op::Linear{.x = x,
                                    .weight = maker.weight(name("wqkv"), {3 * hidden, hidden}, deviation, 0, 3),
                                    .bias = maker.weight(name("bqkv"), {3 * hidden}, 0.1f, 0, 3)});
  const ValueId attended = b.add(name("attention"), masked_attention(qkv, mask, s.heads, s.head_dim, bias));
  const ValueId joined =
      b.add(name("output"), op::Linear{.x = attended,
                                       .residual = x,
                                       .weight = maker.weight(name("wo"), {hidden, hidden}, deviation),
                                       .bias = maker.weight(name("bo"), {hidden}, 0.1f)});
  const ValueId middle = b.add(name("norm1"), op::LayerNorm{.x = joined,
                                                            .gamma = maker.weight(name("g1"), {hidden}, 0.1f, 1.0f),
                                                            .beta = maker.weight(name("b1"), {hidden}, 0.1f)});
  const ValueId up = b.add(name("up"), op::Linear{.x = middle,
                                                  .weight = maker.weight(name("wup"), {s.ffn, hidden}, deviation),
                                                  .bias = maker.weight(name("bup"), {s.ffn}, 0.1f),
                                                  .activation = Activation::kGelu});
  const ValueId down = b.add(
      name("down"),
      op::Linear{.x = up,
                 .weight = maker.weight(name("wdown"), {hidden, s.ffn}, 1.0f / std::sqrt(static_cast<float>(s.ffn))),
                 .bias = maker.weight(name("bdown"), {hidden}, 0.1f)});
  return b.add(name("norm2"), op::LayerNorm{.x = down,
                                            .residual = middle,
                                            .gamma = maker.weight(name("g2"), {hidden}, 0.1f, 1.0f),
                                            .beta = maker.weight(name("b2"), {hidden}, 0.1f)});
}

// The last value is pooled, so what a backend puts at masked positions must not matter.
ConformanceCase chain_case(const ChainShape& s, MaskPattern pattern, bool bias, PoolMode mode) {
  const std::int64_t hidden = std::int64_t{s.heads} * s.head_dim;
  CaseMaker maker(
      "chain",
      std::format("{}x{}_{}heads_of_{}_ffn{}_{}{}{}", s.shape.at(kBatch), s.shape.at(kSequence), s.heads, s.head_dim,
                  s.ffn, pattern_name(pattern), bias ? "_bias" : "", mode == PoolMode::kCls ? "_cls" : ""),
      s.shape);
  op::Embed embed;
  embed.ids = maker.ids("ids", kTokens, 50);
  embed.word = maker.weight("word", {50, hidden}, 1.0f);
  embed.gamma = maker.weight("gamma", {hidden}, 0.1f, 1.0f);
  embed.beta = maker.weight("beta", {hidden}, 0.1f);
  const ValueId mask = maker.mask(pattern);
  ValueId x = maker.builder().add("embed", embed);
  ValueId relative = kNoValue;
  if (bias)
    relative = maker.builder().add(
        "bias", op::RelativeBias{.table = maker.weight("table", {32, s.heads}, 0.5f), .length = kSequenceDim});
  for (int layer = 0; layer < 2; ++layer) x = add_layer(maker, layer, s, x, mask, relative);
  const ValueId pooled = maker.builder().add("pool", op::Pool{.x = x, .mask = mask, .mode = mode});
  maker.tolerance(5e-5);
  return maker.finish(maker.builder().add("normalize", op::Normalize{.x = pooled}));
}

void add_chain(Cases& cases) {
  for (const MaskPattern pattern : kMaskPatterns) {
    cases.push_back(chain_case({usual_shape(3, 11), 3, 12, 70}, pattern, false, PoolMode::kMean));
    cases.push_back(chain_case({usual_shape(2, 33), 2, 32, 128}, pattern, true, PoolMode::kMean));
  }
  cases.push_back(chain_case({usual_shape(2, 11), 4, 9, 70}, MaskPattern::kRightPadded, false, PoolMode::kMean));
  cases.push_back(chain_case({usual_shape(5, 70), 3, 16, 96}, MaskPattern::kRightPadded, false, PoolMode::kCls));
  cases.push_back(chain_case({usual_shape(5, 70), 3, 16, 96}, MaskPattern::kOneRowEmpty, true, PoolMode::kCls));
  cases.push_back(chain_case({usual_shape(3, 20), 3, 16, 96}, MaskPattern::kLeftPadded, false, PoolMode::kLastToken));
}

}  // namespace

std::vector<ConformanceCase> conformance_cases() {
  Cases cases;
  add_embed(cases);
  add_linear(cases);
  add_layer_norm(cases);
  add_attention(cases);
  add_general_attention(cases);
  add_relative_bias(cases);
  add_pool(cases);
  add_normalize(cases);
  add_select_rows(cases);
  add_rope(cases);
  add_patches(cases);
  add_vision_embed(cases);
  add_states(cases);
  add_scale(cases);
  add_soft_cap(cases);
  add_rms_norm(cases);
  add_gate(cases);
  add_arg_max(cases);
  add_distance_bias(cases);
  add_chain(cases);
  return cases;
}

std::vector<std::string> conformance_ops() {
  return {"embed",   "linear",       "layer_norm", "attention", "relative_bias", "pool",          "normalize",
          "scale",   "rms_norm",     "gate",       "arg_max",   "select_rows",   "distance_bias", "rope",
          "patches", "vision_embed", "append",     "chain",     "soft_cap"};
}

}  // namespace ipfs_accelerate
