// image-classification: a picture -> labels with probabilities.
#include "task/labels.h"
#include "task/picture_batch.h"
#include "task/task.h"

namespace ipfs_accelerate {
namespace {

Async<std::vector<Answer>> answer(TaskRun& run, std::vector<Content> items) {
  const std::int32_t top_k = run.options().top_k;
  if (top_k < 1) co_await fail(ErrorCode::kInvalidArgument, "top_k is {}, at least 1 is needed", top_k);
  std::vector<Answer> answers(items.size());
  std::vector<PictureBatch> batches = co_await picture_batches(run, std::move(items));
  for (PictureBatch& batch : batches) {
    const Tensor output = co_await compute_output(run, std::move(batch.tensors), "logits");
    std::vector<Answer> labels =
        co_await offloaded(run, [&] { return labels_of(run.facts(), output, batch.items.size(), top_k); });
    for (std::size_t i = 0; i < labels.size(); ++i) answers[batch.items[i]] = std::move(labels[i]);
  }
  co_return answers;
}

constexpr std::string_view kMadeFor[] = {"ForImageClassification"};

}  // namespace

extern constinit const Task kImageClassification{
    .name = "image-classification",
    .aliases = {},
    .made_for = kMadeFor,
    .takes = ContentKinds::of<Picture, Pixels>(),
    .head = Head::kClassify,
    .gives = AnswerKind::kLabels,
    .answer = answer,
};

}  // namespace ipfs_accelerate
