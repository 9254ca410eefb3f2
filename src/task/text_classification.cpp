// text-classification: a text -> labels with probabilities.
#include <cmath>

#include "task/tasks.h"
#include "task/text_batch.h"

namespace ipfs_accelerate {
namespace {

/// Softmax over the labels; a sigmoid each when several may hold; scores as they are for a regression.
std::vector<double> label_scores(const TaskModel& model, std::span<const float> logits) {
  if (!model.regression && !model.multi_label) return softmax(logits);
  std::vector<double> scores(logits.begin(), logits.end());
  if (model.regression) return scores;
  for (double& score : scores) score = 1 / (1 + std::exp(-score));
  return scores;
}

class TextClassification final : public Task {
 public:
  AnswerKind gives() const override { return AnswerKind::kLabels; }
  std::string_view name() const override { return "text-classification"; }

  Result<Batch> prepare(const TaskModel& model, const std::vector<TextInput>& items,
                        const TaskOptions& options) const override {
    return make_text_batch(model, items, options);
  }

  Result<std::vector<Answer>> finish(const TaskModel& model, const Batch& batch, const Tensor& output,
                                             const TaskOptions& options) const override {
    const std::int64_t items = batch.shape.at(kBatch);
    IA_TRY(check_output(output, items));
    const std::size_t labels = model.labels.size();
    if (output.f32s().size() != labels * static_cast<std::size_t>(items)) {
      return fail(ErrorCode::kInternal, "the output is {} for {} labels", shape_text(output.shape), labels);
    }
    std::vector<Answer> results;
    for (std::size_t at = 0; at < output.f32s().size(); at += labels) {
      const std::vector<double> scores = label_scores(model, output.f32s().subspan(at, labels));
      Labels answer;
      for (std::size_t id : largest(scores, static_cast<std::size_t>(options.top_k))) {
        answer.labels.push_back({model.labels[id], scores[id]});
      }
      results.emplace_back(std::move(answer));
    }
    return results;
  }
};

}  // namespace

const Task& text_classification() {
  static const TextClassification task;
  return task;
}

}  // namespace ipfs_accelerate
