// Tasks: texts -> input tensors, output tensors -> results. One file per task, listed in registry.cpp.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/stop.h"
#include "graph/graph.h"
#include "input/text/tokenizer.h"
#include "ipfs_accelerate/answers.h"

namespace ipfs_accelerate {

/// One item of a batch.
struct TextInput {
  std::string text;
  std::optional<std::string> pair;
};

struct TaskOptions {
  bool truncation = true;  ///< cut texts at the model's length; false: kInputTooLong
  std::int32_t top_k = 5;
  std::int32_t max_tokens = 0;  ///< 0 = the model's own limit
  Stop stop{};                  ///< looked at before every item: kCancelled
};

/// What a task must know of the model (filled by the pipeline from ModelFacts and the folder's files).
struct TaskModel {
  const Tokenizer* tokenizer = nullptr;
  std::int64_t max_tokens = 0, pad_id = 0, vocabulary = 0;
  bool token_types = false, positions_after_pad = false, multi_label = false, regression = false;
  std::int64_t type_vocabulary = 0;  ///< token type ids are below
  std::int32_t mask_id = -1;
  std::vector<std::string> labels;
};

/// Tensors for one batch, in the order of the graph's inputs, and what finish() needs.
struct Batch {
  ShapeClass shape;
  std::vector<std::string> input_names;  ///< graph input each tensor is for
  std::vector<Tensor> inputs;
  std::vector<Encoding> encodings;
};

class Task {
 public:
  virtual ~Task() = default;
  virtual AnswerKind gives() const = 0;
  virtual std::string_view name() const = 0;  ///< "feature-extraction", "fill-mask", "text-classification"
  /// Tokenizes and pads. kInputTooLong, kInvalidArgument (no mask token in a fill-mask text) say which item.
  virtual Result<Batch> prepare(const TaskModel& model, const std::vector<TextInput>& items,
                                const TaskOptions& options) const = 0;
  /// One answer per item from the graph's main output (f32). kNotFinite when it holds NaN or infinity.
  virtual Result<std::vector<Answer>> finish(const TaskModel& model, const Batch& batch, const Tensor& output,
                                                     const TaskOptions& options) const = 0;
};

/// Accepts transformers.js names and the common aliases ("embedding", "fill_mask", "classification"). kUnknownTask
/// lists the known.
Result<const Task*> find_task(std::string_view name);
std::vector<std::string> known_tasks();

}  // namespace ipfs_accelerate
