// BatchRun: a task's run on a loaded model.
#pragma once

#include "engine/loaded_model.h"
#include "engine/pipeline_run.h"

namespace ipfs_accelerate {

/// The task's run of one batch: it computes on the model, and tells of items by the caller's numbers.
class LoadedModel::BatchRun final : public PipelineRun {
 public:
  BatchRun(LoadedModel& model, TaskOptions options, const std::vector<std::size_t>& items, const Listener& listener)
      : PipelineRun(model.pipeline_, std::move(options)), model_(model), items_(items), listener_(listener) {}

  int precision() const override { return model_.parts_->precision(); }

  Async<> offload(std::function<Result<>()> work) override {
    co_await model_.host_.compute.offload(std::move(work), options().stop);
  }

  Async<Image> decode(Picture picture) override {
    co_return co_await model_.host_.decode.picture(own_bytes(std::move(picture.file)), options().stop);
  }

  Async<std::vector<NamedTensor>> compute(std::string part, Batch inputs, std::vector<std::string> wanted) override {
    co_return co_await model_.parts_->compute(std::move(part), std::move(inputs), std::move(wanted), options().stop);
  }

  Async<> reserve_states(ShapeClass pages) override {
    co_await model_.parts_->reserve_states(std::move(pages), options().stop);
  }

  Async<> emit(TextEvent event) override {
    co_await options().stop.check();
    if (event.item >= items_.size()) co_await fail(ErrorCode::kInternal, "text of item {}", event.item);
    event.item = items_[event.item];
    if (listener_) listener_(std::move(event));
  }

 private:
  LoadedModel& model_;
  const std::vector<std::size_t>& items_;
  const Listener& listener_;
};

}  // namespace ipfs_accelerate
