// image-feature-extraction: a picture -> its embedding, as the graph pooled it.
#include "task/picture_batch.h"
#include "task/task.h"
#include "task/text_batch.h"

namespace ipfs_accelerate {
namespace {

/// One row each of [pictures, hidden].
Result<std::vector<Embedding>> rows_of(const Tensor& output, std::size_t pictures) {
  IA_TRY(check_output(output, static_cast<std::int64_t>(pictures)));
  const std::size_t columns = output.f32s().size() / pictures;
  std::vector<Embedding> rows;
  for (std::size_t at = 0; at < output.f32s().size(); at += columns) {
    const auto row = output.f32s().subspan(at, columns);
    rows.push_back({{row.begin(), row.end()}});
  }
  return rows;
}

Async<std::vector<Answer>> answer(TaskRun& run, std::vector<Content> items) {
  std::vector<Answer> answers(items.size());
  std::vector<PictureBatch> batches = co_await picture_batches(run, std::move(items));
  for (PictureBatch& batch : batches) {
    const Tensor output = co_await compute_output(run, std::move(batch.tensors), "embedding");
    std::vector<Embedding> rows = co_await offloaded(run, [&] { return rows_of(output, batch.items.size()); });
    for (std::size_t i = 0; i < rows.size(); ++i) answers[batch.items[i]] = std::move(rows[i]);
  }
  co_return answers;
}

constexpr std::string_view kAliases[] = {"image-embedding"};
constexpr std::string_view kMadeFor[] = {"ViTModel"};

}  // namespace

extern constinit const Task kImageFeatureExtraction{
    .name = "image-feature-extraction",
    .aliases = kAliases,
    .made_for = kMadeFor,
    .takes = ContentKinds::of<Picture, Pixels>(),
    .head = Head::kEmbedding,
    .gives = AnswerKind::kEmbedding,
    .answer = answer,
};

}  // namespace ipfs_accelerate
