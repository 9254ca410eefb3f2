// LoadedModel::run: the model's task, on one batch of inputs after the other.
#include <algorithm>

#include "engine/batch_run.h"
#include "engine/batching.h"

namespace ipfs_accelerate {

namespace {

/// A task gives what its row says: one answer for each item, of its kind.
Result<> check_answers(const Task& task, const std::vector<Answer>& answers, std::size_t items) {
  const auto other = [&](const Answer& answer) { return kind_of(answer) != task.gives; };
  if (answers.size() == items && std::ranges::none_of(answers, other)) return {};
  return fail(ErrorCode::kInternal, "{} gave {} answers for {} inputs, or others than {}", task.name, answers.size(),
              items, answer_kind_name(task.gives));
}

/// Tokens that end a text must be there to be written; tasks that write none do not ask.
Result<> check_stop_tokens(const Task& task, const ModelFacts& facts, const std::vector<std::int32_t>& ids) {
  if (task.gives != AnswerKind::kGeneratedText) return {};
  for (const std::int32_t id : ids) {
    if (id < facts.vocabulary) continue;
    return fail(ErrorCode::kInvalidArgument, "stop_token_ids has {}; the model's vocabulary has {} tokens, 0 to {}", id,
                facts.vocabulary, facts.vocabulary - 1);
  }
  return {};
}

}  // namespace

Async<Answers> LoadedModel::run(std::vector<Content> inputs, Config config, Listener listener, Stop stop) {
  const Task& task = pipeline_.task();
  co_await check_takes(task, inputs);
  co_await check_stop_tokens(task, pipeline_.facts(), config.stop_token_ids);
  const Turns::Turn turn = co_await runs_.take(stop);
  const auto batches = length_sorted_batches(inputs, static_cast<std::size_t>(config.batch_size));
  sorted_ = batches.size() > 1;
  Answers answers{std::vector<Answer>(inputs.size()), 0};
  for (const auto& batch : batches) {
    co_await stop.check();
    TaskOptions options = task_options(config, stop);
    options.numbers = batch;
    BatchRun run(*this, std::move(options), batch, listener);
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
