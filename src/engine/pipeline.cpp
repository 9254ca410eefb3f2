// Opening a model folder.
#include "engine/pipeline.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/sentence_files.h"
#include "model/decoder.h"

namespace ipfs_accelerate {
namespace {

constexpr const char* kPictureConfig = "preprocessor_config.json";

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

/// A task that takes nothing that the model takes would load it in vain.
Result<> check_takes_same(const Task& task, const ModelFacts& facts) {
  const bool pictures = task.takes.has(Picture()), texts = task.takes.has(Text());
  const bool seeing = facts.channels > 0;
  if (seeing ? pictures || facts.vocabulary > 0 : texts || !pictures) return {};
  return fail(ErrorCode::kUnknownTask, "{} takes {}; models of type '{}' take {}", task.name, task.takes.text(),
              facts.architecture, seeing ? "images" : "none");
}

Result<std::unique_ptr<ImageProcessor>> read_image_processor(const ModelFiles& files, const std::string& model_type) {
  const auto file = files.find(kPictureConfig);
  if (file == files.end()) return nullptr;
  IA_ASSIGN(ImageProcessor processor, ImageProcessor::from_json(file->second, model_type));
  return std::make_unique<ImageProcessor>(std::move(processor));
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

std::vector<std::string> wanted_files(unsigned kinds) {
  std::vector<std::string> names{"config.json"};
  const auto add = [&](ModelFileKinds kind, std::initializer_list<const char*> files) {
    if ((kinds & kind) != 0) names.insert(names.end(), files.begin(), files.end());
  };
  add(kGenerationFiles, {"generation_config.json"});
  add(kTextFiles, {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "modules.json",
                   "1_Pooling/config.json", "sentence_bert_config.json"});
  add(kPictureFiles, {kPictureConfig});
  return names;
}

Result<Pipeline> Pipeline::open(const ModelFiles& files, const TensorTable& tensors, const PipelineOptions& options) {
  const auto config = files.find("config.json");
  if (config == files.end()) return fail(ErrorCode::kNotFound, "the model folder has no config.json");
  Pipeline pipeline;
  IA_ASSIGN(pipeline.task_, choose_task(files, options, config->second));
  IA_ASSIGN(const HeadOptions head, choose_head(files, pipeline.task_->head, options));
  auto built = build_model(config->second, tensors, head);
  if (!built && built.error().code == ErrorCode::kUnknownTask && options.task.empty()) {
    return fail(ErrorCode::kUnknownTask,
                "{}; no task was named, and 'architectures' in config.json leads to {}: name the task",
                built.error().message, pipeline.task_->name);
  }
  IA_ASSIGN(pipeline.model_, std::move(built));
  if (pipeline.task_->gives != AnswerKind::kGeneratedText) {  // of a decoder the limit is the room in its states
    IA_ASSIGN(pipeline.model_.facts.max_tokens, read_max_tokens(files, pipeline.facts().max_tokens));
  }
  if (const auto generation = files.find("generation_config.json"); generation != files.end()) {
    IA_TRY(read_generation_config(pipeline.model_.facts, generation->second));
  }
  IA_TRY(check_takes_same(*pipeline.task_, pipeline.facts()));
  if (pipeline.facts().channels > 0) {
    IA_ASSIGN(pipeline.image_processor_, read_image_processor(files, pipeline.facts().architecture));
  }
  const auto tokenizer = files.find("tokenizer.json");
  if (tokenizer == files.end()) return pipeline;
  IA_ASSIGN(Tokenizer loaded, Tokenizer::from_json(tokenizer->second));
  pipeline.tokenizer_ = std::make_unique<Tokenizer>(std::move(loaded));
  IA_ASSIGN(pipeline.model_.facts.mask_id, find_mask_id(files, *pipeline.tokenizer_));
  return pipeline;
}

}  // namespace ipfs_accelerate
