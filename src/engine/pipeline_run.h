// PipelineRun: what every run of a task has of the pipeline it runs on; and the run that only asks for a shape.
#pragma once

#include "engine/pipeline.h"

namespace ipfs_accelerate {

/// Computes nothing and works in place; who runs a model overrides that. Lives no longer than the pipeline.
class PipelineRun : public TaskRun {
 public:
  PipelineRun(const Pipeline& pipeline, TaskOptions options) : pipeline_(pipeline), options_(std::move(options)) {}
  const ModelFacts& facts() const override { return pipeline_.facts(); }
  Result<const Tokenizer*> tokenizer() const override;
  Result<const ImageProcessor*> image_processor() const override;
  const TaskOptions& options() const override { return options_; }
  Async<> offload(std::function<Result<>()> work) override;
  Async<std::vector<NamedTensor>> compute(std::string part, Batch inputs, std::vector<std::string> wanted) override;
  Async<> reserve_states(ShapeClass pages) override;
  Async<> emit(TextEvent event) override;
  void count_tokens(std::int64_t tokens) override { tokens_ += tokens; }
  std::int64_t tokens() const { return tokens_; }
  const ShapeClass& reserved() const { return reserved_; }

 protected:
  const Pipeline& pipeline() const { return pipeline_; }

 private:
  const Pipeline& pipeline_;
  TaskOptions options_;
  std::int64_t tokens_ = 0;
  ShapeClass reserved_;
};

/// The shape class of the first computation that the pipeline's task asks for with these items.
Async<ShapeClass> asked_shape(const Pipeline& pipeline, std::vector<Content> items, TaskOptions options);

}  // namespace ipfs_accelerate
