// A loaded model: its weights on its devices, ready to run batches.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/turns.h"
#include "engine/loaded_parts.h"
#include "engine/model_source.h"

namespace ipfs_accelerate {

/// What Request says for tasks, backends and the graph.
TaskOptions task_options(const Config& config, Stop stop);
LoadOptions load_options(const Config& config);
Result<PipelineOptions> pipeline_options(const Request& request);
struct Answers {
  std::vector<Answer> values;  ///< one per input, in the order of the inputs
  std::int64_t tokens = 0;     ///< padding left out
};

/// Runs follow each other: executables hold one run's tensors.
class LoadedModel {
 public:
  /// Plans, and uploads every weight, each checked to be finite.
  static Async<std::shared_ptr<LoadedModel>> load(host::Host& host, ModelSource source, Request request, Choice choice,
                                                  LoadListener listener, Stop stop);

  /// The task, on batches of inputs of like length.
  Async<Answers> run(std::vector<Content> inputs, Config config, Listener listener, Stop stop);
  /// Every output of the graph.
  Async<std::vector<NamedTensor>> evaluate(Given given, Stop stop);
  /// Token ids of texts, as the model would get them.
  Result<std::vector<std::vector<std::int32_t>>> tokenize(const std::vector<Content>& texts, Stop stop) const;

  const Pipeline& pipeline() const { return pipeline_; }
  const content::Cid& cid() const { return source_.cid; }
  const ModelSource& source() const { return source_; }
  const Choice& choice() const { return choice_; }
  const LoadedParts& parts() const { return *parts_; }
  std::vector<SegmentReport> segments() const;
  std::vector<std::string> optimizations() const;

 private:
  using Outputs = std::vector<NamedTensor>;
  class BatchRun;

  LoadedModel(host::Host& host, Pipeline pipeline, ModelSource source, Choice choice)
      : host_(host), pipeline_(std::move(pipeline)), source_(std::move(source)), choice_(std::move(choice)) {}
  Async<Outputs> evaluate_encoder(Given given, Stop stop);

  host::Host& host_;
  Pipeline pipeline_;
  ModelSource source_;
  Choice choice_;
  std::unique_ptr<LoadedParts> parts_;
  bool sorted_ = false;
  Turns runs_;
};

}  // namespace ipfs_accelerate
