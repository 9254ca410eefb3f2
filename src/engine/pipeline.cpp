// Opening a model folder, and running its task's two halves.
#include "engine/pipeline.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/sentence_files.h"
#include "task/text_batch.h"

namespace ipfs_accelerate {
namespace {

Result<std::string> choose_task(const ModelFiles& files, const PipelineOptions& options, const std::string& config) {
  if (!options.task.empty()) return options.task;
  auto made_for = default_task(config);
  // Sentence-transformers repositories often keep the class of their masked-LM ancestor in config.json.
  if (made_for || made_for.error().code == ErrorCode::kUnknownTask) {
    if (files.contains("modules.json")) return "feature-extraction";
  }
  return made_for;
}

Result<HeadOptions> choose_head(const ModelFiles& files, const Task& task, const PipelineOptions& options) {
  HeadOptions head{.hidden_states = options.hidden_states};
  if (task.name() == "fill-mask") {
    head.head = options.all_tokens ? Head::kAllTokens : Head::kMaskedTokens;
  } else if (task.name() == "text-classification") {
    head.head = Head::kClassify;
  } else {
    IA_ASSIGN(const Pooling pooling, read_pooling(files));
    head.head = Head::kEmbedding;
    head.pool = options.pool.value_or(pooling.mode);
    head.normalize = options.normalize.value_or(pooling.normalize);
  }
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

TaskModel task_model_of(const ModelFacts& facts) {
  TaskModel model;
  model.pad_id = facts.pad_id;
  model.vocabulary = facts.vocabulary;
  model.type_vocabulary = facts.type_vocabulary;
  model.token_types = facts.token_types;
  model.positions_after_pad = facts.positions == PositionRule::kAfterPadId;
  model.multi_label = facts.multi_label;
  model.regression = facts.regression;
  model.labels = facts.labels;
  return model;
}

}  // namespace

std::vector<std::string> wanted_files() {
  return {"config.json",  "tokenizer.json",        "tokenizer_config.json",    "special_tokens_map.json",
          "modules.json", "1_Pooling/config.json", "sentence_bert_config.json"};
}

Result<Pipeline> Pipeline::open(const ModelFiles& files, const TensorTable& tensors, const PipelineOptions& options) {
  const auto config = files.find("config.json");
  if (config == files.end()) return fail(ErrorCode::kNotFound, "the model folder has no config.json");
  Pipeline pipeline;
  IA_ASSIGN(const std::string task, choose_task(files, options, config->second));
  IA_ASSIGN(pipeline.task_, find_task(task));
  IA_ASSIGN(const HeadOptions head, choose_head(files, *pipeline.task_, options));
  IA_ASSIGN(pipeline.model_, build_model(config->second, tensors, head));
  IA_ASSIGN(pipeline.model_.facts.max_tokens, read_max_tokens(files, pipeline.facts().max_tokens));
  pipeline.task_model_ = task_model_of(pipeline.facts());
  pipeline.task_model_.max_tokens = pipeline.facts().max_tokens;
  const auto tokenizer = files.find("tokenizer.json");
  if (tokenizer == files.end()) return pipeline;
  IA_ASSIGN(Tokenizer loaded, Tokenizer::from_json(tokenizer->second));
  pipeline.tokenizer_ = std::make_unique<Tokenizer>(std::move(loaded));
  pipeline.task_model_.tokenizer = pipeline.tokenizer_.get();
  IA_ASSIGN(pipeline.task_model_.mask_id, find_mask_id(files, *pipeline.tokenizer_));
  return pipeline;
}

Result<Batch> Pipeline::prepare(const std::vector<TextInput>& items, const TaskOptions& options) const {
  IA_ASSIGN(Batch batch, task_->prepare(task_model_, items, options));
  return fit(std::move(batch));
}

Result<Batch> Pipeline::prepare_encoded(std::vector<Encoding> encodings) const {
  IA_ASSIGN(Batch batch, make_encoded_batch(task_model_, std::move(encodings)));
  return fit(std::move(batch));
}

Result<Batch> Pipeline::fit(Batch batch) const {
  std::vector<std::string> names;
  std::vector<Tensor> tensors;
  for (ValueId id : graph().inputs) {
    const std::string& name = graph().value(id).name;
    const auto found = std::ranges::find(batch.input_names, name);
    if (found == batch.input_names.end()) return fail(ErrorCode::kInternal, "no tensor for graph input '{}'", name);
    tensors.push_back(std::move(batch.inputs[static_cast<std::size_t>(found - batch.input_names.begin())]));
    names.push_back(name);
  }
  batch.input_names = std::move(names);
  batch.inputs = std::move(tensors);
  return batch;
}

Result<std::vector<Answer>> Pipeline::finish(const Batch& batch, const Tensor& output,
                                                     const TaskOptions& options) const {
  return task_->finish(task_model_, batch, output, options);
}

}  // namespace ipfs_accelerate
