// feature-extraction: a text -> its embedding, as the graph pooled it.

#include "task/tasks.h"
#include "task/text_batch.h"

namespace ipfs_accelerate {
namespace {

class FeatureExtraction final : public Task {
 public:
  AnswerKind gives() const override { return AnswerKind::kEmbedding; }
  std::string_view name() const override { return "feature-extraction"; }

  Result<Batch> prepare(const TaskModel& model, const std::vector<TextInput>& items,
                        const TaskOptions& options) const override {
    return make_text_batch(model, items, options);
  }

  Result<std::vector<Answer>> finish(const TaskModel&, const Batch& batch, const Tensor& output,
                                             const TaskOptions&) const override {
    const std::int64_t items = batch.shape.at(kBatch);
    IA_TRY(check_output(output, items));
    const std::size_t columns = output.f32s().size() / static_cast<std::size_t>(items);
    std::vector<Answer> results;
    for (std::size_t at = 0; at < output.f32s().size(); at += columns) {
      const auto row = output.f32s().subspan(at, columns);
      results.emplace_back(Embedding{{row.begin(), row.end()}});
    }
    return results;
  }
};

}  // namespace

const Task& feature_extraction() {
  static const FeatureExtraction task;
  return task;
}

}  // namespace ipfs_accelerate
