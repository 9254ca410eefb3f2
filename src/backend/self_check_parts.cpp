// The tiny encoder, picture model and decoder of the self-check, and their numbers.
#include "backend/self_check_parts.h"

#include <cmath>

namespace ipfs_accelerate {
namespace {

constexpr std::int64_t kHidden = 64, kHeads = 2, kWords = 16, kMaskedTokens = 9;
constexpr std::int64_t kSequences = 2, kTokens = 40, kPicked = 3;
// Patches of 4 x 4 pixels, 3 rows of 2 with a rest at both edges; positions are a grid of 2 x 2.
constexpr std::int64_t kChannels = 4, kPixelRows = 14, kPixelColumns = 9, kGrid = 2;
constexpr std::int32_t kPatch = 4;
constexpr std::int32_t kQueryHeads = 8, kKeyHeads = 2, kHeadDim = 16, kQueries = kQueryHeads * kHeadDim,
                       kKeys = kKeyHeads * kHeadDim;
constexpr std::int64_t kTable = 2, kAllPages = 8;  // of a sequence; of all, one of them nobody's

struct Names {
  GraphBuilder builder;
  Dim batch = builder.symbol(batch_symbol()), sequence = builder.symbol(sequence_symbol()),
      rows = builder.symbol(rows_symbol());
  Dim height = builder.symbol(height_symbol()), width = builder.symbol(width_symbol());

  ValueId ints(const std::string& name, std::vector<Dim> dims) {
    return builder.input(name, Dtype::kI32, std::move(dims));
  }
};

ValueId linear(GraphBuilder& builder, const std::string& node, const std::string& name, ValueId x, std::int64_t n,
               std::int64_t k, Activation activation = Activation::kNone, ValueId residual = kNoValue) {
  return builder.add(node, op::Linear{.x = x,
                                      .residual = residual,
                                      .weight = builder.weight(name, {n, k}),
                                      .bias = builder.weight(name + ".bias", {n}),
                                      .activation = activation});
}

void add_encoder(Names& names) {
  GraphBuilder& builder = names.builder;
  const ValueId ids = names.ints("input_ids", {names.batch, names.sequence});
  const ValueId mask = names.ints("attention_mask", {names.batch, names.sequence});
  const ValueId rows = names.ints("rows", {names.rows});
  const WeightId gamma = builder.weight("gamma", {kHidden}), beta = builder.weight("beta", {kHidden});
  ValueId x = builder.add("embed", op::Embed{.ids = ids,
                                             .position_ids = mask,
                                             .word = builder.weight("word", {kWords, kHidden}),
                                             .position = builder.weight("position", {2, kHidden}),
                                             .gamma = gamma,
                                             .beta = beta});
  const ValueId bias =
      builder.add("bias", op::RelativeBias{.table = builder.weight("table", {32, kHeads}), .length = names.sequence});
  const ValueId qkv = linear(builder, "qkv", "qkv", x, 3 * kHidden, kHidden);
  op::Attention attention = op::self_attention(qkv, kHeads, kHidden / kHeads);
  attention.mask = mask;
  attention.bias = bias;
  const ValueId mixed = builder.add("attention", attention);
  x = linear(builder, "out", "out", mixed, kHidden, kHidden, Activation::kNone, x);
  x = builder.add("norm", op::LayerNorm{.x = x, .gamma = gamma, .beta = beta});
  x = linear(builder, "up", "up", x, 2 * kHidden, kHidden, Activation::kGelu);
  x = linear(builder, "down", "down", x, kHidden, 2 * kHidden);
  const ValueId picked = builder.add("select", op::SelectRows{.x = x, .rows = rows});
  const ValueId pooled = builder.add("pool", op::Pool{.x = x, .mask = mask});
  builder.output(builder.add("normalize", op::Normalize{.x = pooled}), "embedding");
  builder.output(linear(builder, "head", "head", picked, kWords, kHidden, Activation::kTanh), "logits");
  builder.end_part("encoder");
}

/// Patches and their positions; then, as it has no states, what WebNN has of decoders as well.
void add_picture(Names& names) {
  GraphBuilder& builder = names.builder;
  const ValueId pixels = builder.input("pixels", Dtype::kF32, {names.batch, dim(kChannels), names.height, names.width});
  const op::Patches patches = patches_of(builder, pixels, kPatch);
  ValueId x = builder.add("patches", patches);
  x = builder.add("tokens", op::VisionEmbed{.x = x,
                                            .prefix = builder.weight("prefix", {1, kHidden}),
                                            .position = builder.weight("grid", {1 + kGrid * kGrid, kHidden}),
                                            .rows = patches.rows,
                                            .columns = patches.columns,
                                            .tokens = tokens_of(builder, patches.count, 1)});
  x = builder.add("picture.select", op::SelectRows{.x = x, .rows = names.ints("rows", {names.rows})});
  x = builder.add("rms_norm", op::RmsNorm{.x = x, .gamma = builder.weight("gamma", {kHidden})});
  x = builder.add("gate", op::Gate{.x = x});
  x = builder.add("soft_cap", op::SoftCap{.x = x, .cap = 2});
  builder.output(builder.add("scale", op::Scale{.x = x, .factor = 2}), "features");
  builder.end_part("picture");
}

/// A layer with its keys and values in pages, and all that attention over them may have. Its products are the encoder's
/// where a device would compile more kernels otherwise.
void add_decoder(Names& names) {
  GraphBuilder& builder = names.builder;
  const ValueId ids = names.ints("input_ids", {names.batch, names.sequence});
  const ValueId positions = names.ints("position_ids", {names.batch, names.sequence});
  const Paging paging{names.ints("page_table", {names.batch, dim(kTable)}), names.ints("lengths", {names.batch}),
                      names.ints("counts", {names.batch})};
  const ValueId from = names.ints("from", {dim(1)}), to = names.ints("to", {dim(1)});
  const ValueId rows = names.ints("rows", {names.rows});
  const ValueId before = builder.state("cache", pages_symbol(kTable), 2 * kKeys);

  const ValueId x = builder.add("words", op::Embed{.ids = ids, .word = builder.weight("words", {kWords, kHidden})});
  const ValueId qkv = linear(builder, "decoder.qkv", "qkv", x, kQueries + 2 * kKeys, kHidden);
  const ValueId turned = builder.add("rope", op::Rope{.x = qkv,
                                                      .positions = positions,
                                                      .heads = kQueryHeads + kKeyHeads,
                                                      .head_dim = kHeadDim,
                                                      .rotary_dim = 8,
                                                      .frequencies = {1.0f, 0.4f, 0.1f, 0.01f}});
  const ValueId copied = builder.add("copy_pages", op::CopyPages{.state = before, .from = from, .to = to});
  const ValueId cache = builder.add("append", op::Append{.x = {turned, kQueries}, .state = copied, .paging = paging});
  op::Attention attention{.q = {turned, 0}, .k = {cache, 0}, .v = {cache, kKeys}, .paging = paging};
  attention.distance_bias = builder.add(
      "distance_bias",
      op::DistanceBias{.table = builder.weight("distances", {8, kQueryHeads}), .distances = 6, .max_distance = 8});
  attention.heads = kQueryHeads;
  attention.kv_heads = kKeyHeads;
  attention.head_dim = kHeadDim;
  attention.scale = 1.0f / std::sqrt(float(kHeadDim));
  attention.soft_cap = 1;
  attention.causal = true;
  attention.window = 9;
  const ValueId mixed = builder.add("decoder.attention", attention);
  const ValueId out = linear(builder, "decoder.down", "down", mixed, kHidden, kQueries);
  const ValueId picked = builder.add("decoder.select", op::SelectRows{.x = out, .rows = rows});
  const ValueId scores = linear(builder, "decoder.head", "head", picked, kWords, kHidden, Activation::kTanh);
  builder.output(scores, "scores");
  builder.output(builder.add("arg_max", op::ArgMax{.x = scores}), "token");
  builder.end_part("decoder");
}

/// Repeatable numbers in (-1, 1), scaled.
Tensor numbers(const Shape& shape, float scale, std::uint32_t seed) {
  Tensor out = Tensor::f32(shape);
  for (float& value : out.f32s()) {
    seed = seed * 1664525u + 1013904223u;
    value = (float(seed >> 8) / 8388608.0f - 1.0f) * scale;
  }
  return out;
}

template <class Number>
Tensor counted(const Shape& shape, Number number) {
  Tensor tensor = Tensor::i32(shape);
  for (std::size_t i = 0; i < tensor.i32s().size(); ++i) tensor.i32s()[i] = std::int32_t(number(std::int64_t(i)));
  return tensor;
}

Tensor listed(const Shape& shape, const std::vector<std::int32_t>& values) {
  return counted(shape, [&](std::int64_t i) { return values.at(std::size_t(i)); });
}

/// Every part has the symbols of all.
ShapeClass shape_with(std::int64_t batch, std::int64_t sequence, std::int64_t rows) {
  return {{kBatch, batch},       {kSequence, sequence},   {kRows, rows},
          {kHeight, kPixelRows}, {kWidth, kPixelColumns}, {kPages, kAllPages}};
}

CheckedRun encoder_run() {
  const std::int64_t tokens = kSequences * kTokens;
  const Shape per_token{kSequences, kTokens};
  CheckedRun run{shape_with(kSequences, kTokens, kPicked), {}};
  run.inputs["input_ids"] = counted(per_token, [](std::int64_t i) { return i * 7 % kWords; });
  run.inputs["attention_mask"] = counted(per_token, [&](std::int64_t i) { return i < tokens - kMaskedTokens; });
  run.inputs["rows"] = counted({kPicked}, [&](std::int64_t i) { return i * 29 % tokens; });
  return run;
}

CheckedRun picture_run() {
  const std::int64_t rows = kSequences * (1 + kPixelRows / kPatch * (kPixelColumns / kPatch));
  CheckedRun run{shape_with(kSequences, 1, rows), {}};
  run.inputs["pixels"] = numbers({kSequences, kChannels, kPixelRows, kPixelColumns}, 1, 77);
  run.inputs["rows"] = counted({rows}, [&](std::int64_t i) { return rows - 1 - i; });
  return run;
}

/// What a run of the decoder adds to its three sequences, and which of these tokens are looked at.
struct Step {
  std::vector<std::int32_t> counts, lengths, tables, rows;
  std::int32_t from = 0, to = 0;
};

CheckedRun decoder_run(const Step& step, std::int64_t width) {
  const auto batch = std::int64_t(step.counts.size()), rows = std::int64_t(step.rows.size());
  CheckedRun run{shape_with(batch, width, rows), {}};
  const auto place = [&](std::int64_t i) { return step.lengths[std::size_t(i / width)] + i % width; };
  run.inputs["input_ids"] =
      counted({batch, width}, [&](std::int64_t i) { return (place(i) * 5 + i / width * 3 + 1) % kWords; });
  run.inputs["position_ids"] = counted({batch, width}, place);
  run.inputs["page_table"] = listed({batch, kTable}, step.tables);
  run.inputs["lengths"] = listed({batch}, step.lengths);
  run.inputs["counts"] = listed({batch}, step.counts);
  run.inputs["from"] = listed({1}, {step.from});
  run.inputs["to"] = listed({1}, {step.to});
  run.inputs["rows"] = listed({rows}, step.rows);
  return run;
}

/// Prompts of unequal length, then a token each. In between the last sequence ends, and another one takes its place;
/// its page becomes a copy of the second page of the first sequence.
std::vector<CheckedRun> decoder_runs() {
  const Step prompts{
      .counts = {20, 1, 7}, .lengths = {0, 0, 0}, .tables = {3, 1, 2, 4, 7, 5}, .rows = {19, 5, 20, 46, 42}};
  const Step tokens{
      .counts = {1, 1, 1}, .lengths = {20, 1, 0}, .tables = {3, 7, 2, 4, 6, 5}, .rows = {0, 1, 2}, .from = 1, .to = 7};
  return {decoder_run(prompts, 20), decoder_run(tokens, 1)};
}

}  // namespace

Tensor self_check_weight(const Graph& graph, WeightId id) {
  const Shape& shape = graph.weight(id).shape;
  const bool of_heads = shape.size() == 2 && shape[1] < kWords;  // biases of scores: small ones change little
  const float scale = of_heads ? 4.0f : shape.size() == 1 ? 1.0f : 1.5f / std::sqrt(float(shape[1]));
  return numbers(shape, scale, std::uint32_t(id.number) + 1);
}

Result<std::vector<CheckedPart>> self_check_parts() {
  Names names;
  add_encoder(names);
  add_picture(names);
  add_decoder(names);
  IA_ASSIGN(auto parts, names.builder.finish_parts());
  std::vector<CheckedPart> checked;
  for (Part& part : parts) checked.push_back({std::move(part.name), std::move(part.graph), {}});
  checked[0].runs = {encoder_run()};
  checked[1].runs = {picture_run()};
  checked[2].runs = decoder_runs();
  return checked;
}

}  // namespace ipfs_accelerate
