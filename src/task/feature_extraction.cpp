// feature-extraction: a text -> its embedding, as the graph pooled it.
#include "task/task.h"
#include "task/text_batch.h"

namespace ipfs_accelerate {
namespace {

Result<std::vector<Answer>> rows_of(const Tensor& output, std::size_t items) {
  IA_TRY(check_output(output, static_cast<std::int64_t>(items)));
  const std::size_t columns = output.f32s().size() / items;
  std::vector<Answer> answers;
  for (std::size_t at = 0; at < output.f32s().size(); at += columns) {
    const auto row = output.f32s().subspan(at, columns);
    answers.emplace_back(Embedding{{row.begin(), row.end()}});
  }
  return answers;
}

Async<std::vector<Answer>> answer(TaskRun& run, std::vector<Content> items) {
  const std::size_t count = items.size();
  TextBatch batch = co_await text_batch(run, std::move(items));
  const Tensor output = co_await compute_output(run, std::move(batch.tensors), "embedding");
  co_return co_await offloaded(run, [&] { return rows_of(output, count); });
}

constexpr std::string_view kAliases[] = {"embedding", "embeddings", "text-embedding", "sentence-similarity"};
constexpr std::string_view kMadeFor[] = {"Model"};

}  // namespace

extern constinit const Task kFeatureExtraction{
    .name = "feature-extraction",
    .aliases = kAliases,
    .made_for = kMadeFor,
    .takes = ContentKinds::of<Text, TextPair>(),
    .head = Head::kEmbedding,
    .gives = AnswerKind::kEmbedding,
    .answer = answer,
};

}  // namespace ipfs_accelerate
