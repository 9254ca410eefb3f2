// The model of the scenarios: config, tokenizer, weights.
#include "scenarios/world.h"

#include <algorithm>

#include "engine/pipeline.h"

namespace ipfs_accelerate::scripted {
namespace {

constexpr std::string_view kConfig = R"({"architectures":["DistilBertModel"],"model_type":"distilbert","dim":8,
 "hidden_dim":16,"n_heads":2,"n_layers":1,"max_position_embeddings":16,"vocab_size":40000,"activation":"gelu",
 "pad_token_id":0,"tie_word_embeddings":true})";
constexpr std::string_view kTokenizer = R"({"version":"1.0","truncation":null,"padding":null,
 "added_tokens":[
  {"id":0,"content":"[PAD]","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true},
  {"id":2,"content":"[CLS]","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true},
  {"id":3,"content":"[SEP]","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}],
 "normalizer":null,"pre_tokenizer":{"type":"Whitespace"},
 "post_processor":{"type":"BertProcessing","sep":["[SEP]",3],"cls":["[CLS]",2]},
 "decoder":{"type":"WordPiece","prefix":"##","cleanup":false},
 "model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,
  "vocab":{"[PAD]":0,"[UNK]":1,"[CLS]":2,"[SEP]":3,"[MASK]":4,"red":5,"lamp":6,"cold":7}}})";

/// A DistilBERT of one layer, its word table large enough for two leaves.
Bytes weights(std::uint32_t seed) {
  const std::string layer = "transformer.layer.0.";
  std::vector<std::pair<std::string, std::vector<int>>> tensors = {{"embeddings.word_embeddings.weight", {40000, 8}},
                                                                   {"embeddings.position_embeddings.weight", {16, 8}},
                                                                   {"embeddings.LayerNorm.weight", {8}},
                                                                   {"embeddings.LayerNorm.bias", {8}}};
  for (const char* name : {"q_lin", "k_lin", "v_lin", "out_lin"}) {
    tensors.push_back({layer + "attention." + name + ".weight", {8, 8}});
    tensors.push_back({layer + "attention." + name + ".bias", {8}});
  }
  for (const char* norm : {"sa_layer_norm", "output_layer_norm"}) {
    tensors.push_back({layer + norm + ".weight", {8}});
    tensors.push_back({layer + norm + ".bias", {8}});
  }
  tensors.push_back({layer + "ffn.lin1.weight", {16, 8}});
  tensors.push_back({layer + "ffn.lin1.bias", {16}});
  tensors.push_back({layer + "ffn.lin2.weight", {8, 16}});
  tensors.push_back({layer + "ffn.lin2.bias", {8}});
  Json header = Json::object();
  std::vector<float> values;
  std::uint32_t state = seed;
  for (const auto& [name, shape] : tensors) {
    const std::size_t begin = values.size() * 4;
    const std::size_t count = shape.size() == 2 ? std::size_t(shape[0]) * std::size_t(shape[1]) : std::size_t(shape[0]);
    for (std::size_t i = 0; i < count; ++i) {
      state = state * 1664525u + 1013904223u;
      values.push_back((float(state >> 8) / 8388608.0f - 1.0f) * 0.5f);
    }
    header[name] = {{"dtype", "F32"}, {"shape", shape}, {"data_offsets", {begin, values.size() * 4}}};
  }
  const std::string text = header.dump();
  Bytes file(8);
  for (int i = 0; i < 8; ++i) file[std::size_t(i)] = std::uint8_t(std::uint64_t{text.size()} >> (8 * i));
  file.insert(file.end(), text.begin(), text.end());
  const auto* data = reinterpret_cast<const std::uint8_t*>(values.data());
  file.insert(file.end(), data, data + values.size() * 4);
  return file;
}

}  // namespace

Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

Origin::Files model_files(std::uint32_t seed) {
  return {{"config.json", bytes_of(kConfig)},
          {"tokenizer.json", bytes_of(kTokenizer)},
          {"model.safetensors", weights(seed)}};
}

Graph model_graph() {
  const Origin::Files files = model_files(1);
  ModelFiles small;
  for (const char* name : {"config.json", "tokenizer.json"}) small[name] = as_text(files.at(name));
  const Bytes& weights = files.at("model.safetensors");
  WeightIndex index;
  (void)index.add_safetensors(weights, weights.size(), 0);
  return Pipeline::open(small, index.table(), {})->graph();
}

World::World() : model(origin.add_folder(model_files(1))), other(origin.add_folder(model_files(2))) {
  host.gateway(kGateway, origin);
}

Request World::request(std::vector<std::string> gateways) const {
  Request request;
  request.model = model.text();
  request.config.platform = "cpu";
  request.config.threads = 1;
  request.config.gateways = std::move(gateways);
  return request;
}

bool World::read_anew() const {
  return std::ranges::any_of(host.trace, [](const std::string& line) { return line.starts_with("keep read"); });
}

Result<RunResult> Story::run(World& world, Core& core, const std::string& what, Request request, Stop stop) {
  const std::vector<Content> texts = {Text{"red lamp"}, Text{"cold"}};
  world.host.trace.clear();
  auto result = world.host.run(core.run(std::move(request), texts, {}, std::move(stop)));
  outcome_.trace += "- " + what + "\n" + world.host.traced();
  outcome_.trace += "= " + told(result) + "\n";
  return result;
}

std::string Story::told(const Result<RunResult>& result) {
  if (!result) return std::string(error_name(result.error().code));
  return std::format("{} answers on {} from {}, {} tokens, {} blocks fetched", result->answers.size(), result->platform,
                     result->ipfs_source, result->tokens, result->content.blocks_fetched);
}

void Story::expect(const Result<RunResult>& result, ErrorCode code) {
  const std::string got =
      result ? "an answer" : std::format("{}: {}", error_name(result.error().code), result.error().message);
  require(!result && result.error().code == code, std::format("{} was expected, not {}", error_name(code), got));
}

}  // namespace ipfs_accelerate::scripted
