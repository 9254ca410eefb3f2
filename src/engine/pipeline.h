// Pipeline: a model folder's small files and tensor index -> graph, plan and task. It touches no port: LoadedModel
// reads the files and drives it.
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "engine/plan.h"
#include "input/image/image_processor.h"
#include "model/model.h"
#include "task/task.h"
#include "weights/weights.h"

namespace ipfs_accelerate {

/// The small files of a model folder, by name relative to it: config.json, tokenizer.json, tokenizer_config.json,
/// modules.json, 1_Pooling/config.json, special_tokens_map.json ... Absent ones are simply not in the map.
using ModelFiles = std::map<std::string, std::string, std::less<>>;

struct PipelineOptions {
  std::string task{};              ///< empty: feature-extraction with a modules.json, else what config.json is made for
  bool hidden_states = false;      ///< golden runs: also output every layer
  bool all_tokens = false;         ///< golden runs of fill-mask: logits of every position, not only masked ones
  std::optional<PoolMode> pool{};  ///< overrides the folder's 1_Pooling
  std::optional<bool> normalize{};  ///< overrides the folder's modules.json
};

/// Names of the files of these ModelFileKinds that a pipeline wants (config first), so that a fetcher knows what to ask
/// for.
/// Embeddings are pooled as modules.json and its pooling module say; without modules.json: mean over the attended
/// tokens, not normalized.
std::vector<std::string> wanted_files(unsigned kinds = kAllModelFiles);

class Pipeline {
 public:
  static Result<Pipeline> open(const ModelFiles& files, const TensorTable& tensors, const PipelineOptions& options);

  const std::vector<Part>& parts() const { return model_.parts; }
  const Graph& graph() const { return model_.graph(); }  ///< of a model of one part
  const ModelFacts& facts() const { return model_.facts; }
  const Task& task() const { return *task_; }
  const Tokenizer* tokenizer() const { return tokenizer_.get(); }  ///< null when the folder has none

  /// Null when the model takes no pictures, or the folder has no preprocessor_config.json.
  const ImageProcessor* image_processor() const { return image_processor_.get(); }

  /// The plan dump: what runs where, which weights, and `memory`, what the backends say it takes.
  /// {"task","answer_kind","takes","architecture","shape","absent":[inputs that the shape class leaves out],
  ///  "segments":[{part,platform,nodes:[{name,op,output,shape}],reason}],
  ///  "weights":[{name,parts,shape,dtype,bytes}],"weight_bytes","state_bytes","activation_bytes","inputs","outputs"}
  /// weights: as stored; weight_bytes, state_bytes and activation_bytes: on the devices.
  /// kInvalidArgument when the shape class leaves out what the model cannot do without.
  Result<nlohmann::json> explain(const Plan& plan, const ShapeClass& shape, const TensorTable& tensors,
                                 const Memory& memory) const;

 private:
  BuiltModel model_;
  const Task* task_ = nullptr;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::unique_ptr<ImageProcessor> image_processor_;
};

}  // namespace ipfs_accelerate
