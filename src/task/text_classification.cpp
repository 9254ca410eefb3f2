// text-classification: a text -> labels with probabilities.
#include "task/labels.h"
#include "task/task.h"
#include "task/text_batch.h"

namespace ipfs_accelerate {
namespace {

Async<std::vector<Answer>> answer(TaskRun& run, std::vector<Content> items) {
  const std::size_t count = items.size();
  TextBatch batch = co_await text_batch(run, std::move(items));
  const Tensor output = co_await compute_output(run, std::move(batch.tensors), "logits");
  co_return co_await offloaded(run, [&] { return labels_of(run.facts(), output, count, run.options().top_k); });
}

constexpr std::string_view kAliases[] = {"classification", "sequence-classification", "sentiment-analysis"};
constexpr std::string_view kMadeFor[] = {"ForSequenceClassification"};

}  // namespace

extern constinit const Task kTextClassification{
    .name = "text-classification",
    .aliases = kAliases,
    .made_for = kMadeFor,
    .takes = ContentKinds::of<Text, TextPair>(),
    .head = Head::kClassify,
    .gives = AnswerKind::kLabels,
    .answer = answer,
    .best_label_alone = true,
};

}  // namespace ipfs_accelerate
