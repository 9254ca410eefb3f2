// Building what decoders share; see decoder.h.
#include "model/decoder.h"

#include <cmath>

#include "graph/pages.h"

namespace ipfs_accelerate {
namespace {

/// Both files say it in the same words.
Result<> read_generation_facts(ModelFacts& facts, const ModelConfig& config) {
  IA_ASSIGN(auto stop_ids, config.ids("eos_token_id"));
  if (!stop_ids.empty()) facts.stop_ids = std::move(stop_ids);
  IA_ASSIGN(const auto start, config.ids("decoder_start_token_id"));
  if (!start.empty()) facts.decoder_start = start.front();
  IA_ASSIGN(facts.max_new_tokens, config.size_or("max_new_tokens", 1 << 20, facts.max_new_tokens));
  return {};
}

void add_copy_part(ModelBuilder& b) {
  const ValueId from = b.input("from", Dtype::kI32, {dim(1)}), to = b.input("to", Dtype::kI32, {dim(1)});
  const std::vector<State> states = b.unfinished().states;
  for (const State& state : states) {
    const Graph& graph = b.unfinished();
    if (graph.symbol(graph.value(state.first).dims[0].symbol).name != kPages) continue;
    b.add(state.name + ".copy_pages", op::CopyPages{.state = state.first, .from = from, .to = to});
  }
  b.end_part("copy_pages", /*on_demand=*/true);
}

}  // namespace

DecoderInputs decoder_inputs(ModelBuilder& b, std::int64_t max_tokens, std::string prefix) {
  DecoderInputs inputs;
  inputs.prefix = std::move(prefix);
  inputs.batch = b.symbol(batch_symbol());
  inputs.sequence = b.symbol(new_tokens_symbol(max_tokens));
  const std::int64_t pages = pages_of(max_tokens);
  inputs.pages = pages_symbol(pages);
  inputs.ids = b.input("input_ids", Dtype::kI32, {inputs.batch, inputs.sequence});
  inputs.paging = {b.input("page_table", Dtype::kI32, {inputs.batch, dim(pages)}),
                   b.input("lengths", Dtype::kI32, {inputs.batch}), b.input("counts", Dtype::kI32, {inputs.batch})};
  return inputs;
}

ValueId DecoderInputs::positions(ModelBuilder& b) const {
  return b.input("position_ids", Dtype::kI32, {batch, sequence});
}

ValueId cached_attention(ModelBuilder& b, const std::string& node, const DecoderInputs& inputs, std::int64_t layer,
                         ValueId qkv, Heads heads, ValueId distance_bias, std::optional<float> scale) {
  const std::int32_t wide = heads.heads * heads.head_dim, narrow = heads.kv_heads * heads.head_dim;
  const ValueId before =
      b.state(std::format("{}cache.{}", inputs.prefix, layer), inputs.pages, 2 * std::int64_t{narrow});
  const ValueId cache = b.add(node + "append", op::Append{.x = {qkv, wide}, .state = before, .paging = inputs.paging});
  op::Attention attention{.q = {qkv, 0}, .k = {cache, 0}, .v = {cache, narrow}, .paging = inputs.paging};
  attention.distance_bias = distance_bias;
  attention.heads = heads.heads;
  attention.kv_heads = heads.kv_heads;
  attention.head_dim = heads.head_dim;
  attention.scale = scale.value_or(1.0f / std::sqrt(static_cast<float>(heads.head_dim)));
  attention.causal = true;
  return b.add(node + "attention", attention);
}

void finish_decoder(ModelBuilder& b, const DecoderInputs& inputs, const std::vector<ValueId>& states,
                    const std::function<ValueId(ValueId x, const std::string& node)>& norm, WeightId head,
                    const HeadOptions& options, float scale) {
  const ValueId rows =
      b.input("rows", Dtype::kI32, {b.symbol(rows_symbol())}, {.places_in = {inputs.batch, inputs.sequence}});
  const ValueId picked = b.add(inputs.prefix + "select_rows", op::SelectRows{.x = states.back(), .rows = rows});
  ValueId last = norm(picked, inputs.prefix + "final_norm");
  if (scale != 1.0f) last = b.add(inputs.prefix + "final_scale", op::Scale{.x = last, .factor = scale});
  const ValueId logits = b.add("logits", op::Linear{.x = last, .weight = head});
  b.output(logits, "logits");
  b.output(b.add("token", op::ArgMax{.x = logits}), "token");
  if (!options.hidden_states) return;
  for (std::size_t i = 0; i + 1 < states.size(); ++i) {
    b.output(states[i], std::format("{}hidden_states.{}", inputs.prefix, i));
  }
  b.output(norm(states.back(), inputs.prefix + "final_norm_of_all"),
           std::format("{}hidden_states.{}", inputs.prefix, states.size() - 1));
}

Result<> read_generation_config(ModelFacts& facts, std::string_view json) {
  auto config = ModelConfig::parse(json);
  if (!config) return fail(config.error().code, "generation_config.json is no JSON object");
  const auto read = read_generation_facts(facts, *config);
  if (!read) return while_doing(read.error(), "reading generation_config.json");
  return {};
}

Result<BuiltModel> decoder_model(ModelBuilder& b, ModelFacts facts, const ModelConfig& config,
                                 const HeadOptions& options, Head head) {
  const bool to_text = head == Head::kSequenceToSequence;
  facts.model_type = to_text ? "text2text_generation" : "text_generation";
  facts.context = facts.max_tokens;
  if (options.head != head) {
    return fail(ErrorCode::kUnknownTask, "models of type '{}' do {} and nothing else here", facts.architecture,
                to_text ? "text2text-generation" : "text-generation");
  }
  IA_TRY(read_generation_facts(facts, config));
  b.end_part("decoder");
  add_copy_part(b);
  IA_ASSIGN(auto parts, b.finish_parts());
  return BuiltModel{std::move(parts), std::move(facts)};
}

}  // namespace ipfs_accelerate
