// Logits as labels; see labels.h.
#include "task/labels.h"

#include <cmath>

#include "task/text_batch.h"

namespace ipfs_accelerate {
namespace {

/// Softmax over the labels; a sigmoid each when several may hold; scores as they are for a regression.
std::vector<double> label_scores(const ModelFacts& facts, std::span<const float> logits) {
  if (!facts.regression && !facts.multi_label) return softmax(logits);
  std::vector<double> scores(logits.begin(), logits.end());
  if (facts.regression) return scores;
  for (double& score : scores) score = 1 / (1 + std::exp(-score));
  return scores;
}

}  // namespace

Result<std::vector<Answer>> labels_of(const ModelFacts& facts, const Tensor& output, std::size_t items,
                                      std::int32_t top_k) {
  IA_TRY(check_output(output, static_cast<std::int64_t>(items)));
  const std::size_t labels = facts.labels.size();
  if (output.f32s().size() != labels * items) {
    return fail(ErrorCode::kInternal, "the output is {} for {} labels", shape_text(output.shape), labels);
  }
  std::vector<Answer> answers;
  for (std::size_t at = 0; at < output.f32s().size(); at += labels) {
    const std::vector<double> scores = label_scores(facts, output.f32s().subspan(at, labels));
    Labels answer;
    for (std::size_t id : largest(scores, static_cast<std::size_t>(top_k))) {
      answer.labels.push_back({facts.labels[id], scores[id]});
    }
    answers.emplace_back(std::move(answer));
  }
  return answers;
}

}  // namespace ipfs_accelerate
