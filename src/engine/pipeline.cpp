// Opening a model folder.
#include "engine/pipeline.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/sentence_files.h"
#include "model/decoder.h"

namespace ipfs_accelerate {
namespace {

Result<const Task*> choose_task(const ModelFiles& files, const PipelineOptions& options, const std::string& config) {
  if (!options.task.empty()) return find_task(options.task);
  auto made_for = default_task(config);
  // Sentence-transformers repositories often keep the class of their masked-LM ancestor in config.json.
  if (made_for || made_for.error().code == ErrorCode::kUnknownTask) {
    if (files.contains("modules.json")) return find_task(Head::kEmbedding);
  }
  return made_for;
}

Result<HeadOptions> choose_head(const ModelFiles& files, Head wanted, const PipelineOptions& options) {
  HeadOptions head{.head = wanted, .hidden_states = options.hidden_states};
  if (wanted == Head::kMaskedTokens && options.all_tokens) head.head = Head::kAllTokens;
  if (wanted != Head::kEmbedding) return head;
  IA_ASSIGN(const Pooling pooling, read_pooling(files));
  head.pool = options.pool.value_or(pooling.mode);
  head.normalize = options.normalize.value_or(pooling.normalize);
  return head;
}

/// The mask token's id; -1 when the tokenizer has none.
Result<std::int32_t> find_mask_id(const ModelFiles& files, const Tokenizer& tokenizer) {
  IA_ASSIGN(const std::string named, read_mask_token(files));
  if (!named.empty()) return tokenizer.token_id(named).value_or(-1);
  for (std::string_view usual : {"[MASK]", "<mask>"}) {
    if (const auto id = tokenizer.token_id(usual)) return *id;
  }
  return -1;
}

}  // namespace

std::vector<std::string> wanted_files() {
  return {"config.json",           "generation_config.json",  "tokenizer.json",
          "tokenizer_config.json", "special_tokens_map.json", "modules.json",
          "1_Pooling/config.json", "sentence_bert_config.json"};
}

Result<Pipeline> Pipeline::open(const ModelFiles& files, const TensorTable& tensors, const PipelineOptions& options) {
  const auto config = files.find("config.json");
  if (config == files.end()) return fail(ErrorCode::kNotFound, "the model folder has no config.json");
  Pipeline pipeline;
  IA_ASSIGN(pipeline.task_, choose_task(files, options, config->second));
  IA_ASSIGN(const HeadOptions head, choose_head(files, pipeline.task_->head, options));
  IA_ASSIGN(pipeline.model_, build_model(config->second, tensors, head));
  if (pipeline.task_->gives != AnswerKind::kGeneratedText) {  // of a decoder the limit is the room in its states
    IA_ASSIGN(pipeline.model_.facts.max_tokens, read_max_tokens(files, pipeline.facts().max_tokens));
  }
  if (const auto generation = files.find("generation_config.json"); generation != files.end()) {
    IA_TRY(read_generation_config(pipeline.model_.facts, generation->second));
  }
  const auto tokenizer = files.find("tokenizer.json");
  if (tokenizer == files.end()) return pipeline;
  IA_ASSIGN(Tokenizer loaded, Tokenizer::from_json(tokenizer->second));
  pipeline.tokenizer_ = std::make_unique<Tokenizer>(std::move(loaded));
  IA_ASSIGN(pipeline.model_.facts.mask_id, find_mask_id(files, *pipeline.tokenizer_));
  return pipeline;
}

}  // namespace ipfs_accelerate
