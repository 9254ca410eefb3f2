// LoadedModel::run: the model's task, on one batch of inputs after the other.
#include <algorithm>

#include "engine/batching.h"
#include "engine/loaded_model.h"
#include "engine/pipeline_run.h"

namespace ipfs_accelerate {

/// The task's run of one batch: it computes on the model, and tells of items by the caller's numbers.
class LoadedModel::BatchRun final : public PipelineRun {
 public:
  BatchRun(LoadedModel& model, TaskOptions options, const std::vector<std::size_t>& items, const Listener& listener)
      : PipelineRun(model.pipeline_, std::move(options)), model_(model), items_(items), listener_(listener) {}

  Async<> offload(std::function<Result<>()> work) override {
    co_await model_.host_.compute.offload(std::move(work), options().stop);
  }

  Async<std::vector<NamedTensor>> compute(std::string part, Batch inputs, std::vector<std::string> wanted) override {
    if (part != kOnlyPart) co_await fail(ErrorCode::kInternal, "the model has no part '{}'", part);
    Batch fitting = co_await model_.pipeline_.fit(std::move(inputs));
    Outputs outputs = co_await model_.compute(std::move(fitting), options().stop);
    Outputs chosen;
    for (std::string& name : wanted) {
      const auto found = std::ranges::find(outputs, name, &NamedTensor::first);
      if (found == outputs.end()) co_await fail(ErrorCode::kInternal, "the part '{}' has no output '{}'", part, name);
      chosen.emplace_back(std::move(name), std::move(found->second));
    }
    co_return std::move(chosen);
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

namespace {

/// A task gives what its row says: one answer for each item, of its kind.
Result<> check_answers(const Task& task, const std::vector<Answer>& answers, std::size_t items) {
  const auto other = [&](const Answer& answer) { return kind_of(answer) != task.gives; };
  if (answers.size() == items && std::ranges::none_of(answers, other)) return {};
  return fail(ErrorCode::kInternal, "{} gave {} answers for {} inputs, or others than {}", task.name, answers.size(),
              items, answer_kind_name(task.gives));
}

}  // namespace

Async<Answers> LoadedModel::run(std::vector<Content> inputs, Config config, Listener listener, Stop stop) {
  const Task& task = pipeline_.task();
  co_await check_takes(task, inputs);
  const Turns::Turn turn = co_await runs_.take(stop);
  const auto batches = length_sorted_batches(inputs, static_cast<std::size_t>(config.batch_size));
  sorted_ = batches.size() > 1;
  Answers answers{std::vector<Answer>(inputs.size()), 0};
  for (const auto& batch : batches) {
    co_await stop.check();
    BatchRun run(*this, task_options(config, stop), batch, listener);
    std::vector<Content> items;
    for (const std::size_t i : batch) items.push_back(std::move(inputs[i]));
    std::vector<Answer> values = co_await task.answer(run, std::move(items));
    co_await check_answers(task, values, batch.size());
    for (std::size_t i = 0; i < batch.size(); ++i) answers.values[batch[i]] = std::move(values[i]);
    answers.tokens += run.tokens();
  }
  co_return answers;
}

}  // namespace ipfs_accelerate
