// fill-mask: a text with mask tokens -> the likeliest tokens for each.
#include "task/task.h"
#include "task/text_batch.h"

namespace ipfs_accelerate {
namespace {

/// Where the masks of one text are.
std::vector<std::size_t> mask_positions(const Encoding& encoding, std::int32_t mask_id) {
  std::vector<std::size_t> positions;
  for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
    if (encoding.ids[i] == mask_id) positions.push_back(i);
  }
  return positions;
}

/// Adds the input `rows`: which rows of [batch * sequence] have a mask.
Result<> add_rows(const TaskOptions& options, TextBatch& batch, std::int32_t mask_id, const Tokenizer& tokenizer) {
  Batch& tensors = batch.tensors;
  std::vector<std::int32_t> rows;
  for (std::size_t item = 0; item < batch.encodings.size(); ++item) {
    const auto positions = mask_positions(batch.encodings[item], mask_id);
    if (positions.empty()) {
      return fail(ErrorCode::kInvalidArgument, "input {} has no mask token '{}' within the model's length",
                  options.number_of(item), tokenizer.token(mask_id).value_or(""));
    }
    for (std::size_t position : positions) {
      rows.push_back(
          static_cast<std::int32_t>(item * static_cast<std::size_t>(tensors.shape.at(kSequence)) + position));
    }
  }
  const auto count = static_cast<std::int64_t>(rows.size());
  tensors.shape.set(kRows, count);
  Tensor places = Tensor::i32({count});
  std::ranges::copy(rows, places.i32s().begin());
  tensors.add("rows", std::move(places));
  return {};
}

/// Ranks tokens by the scores of every row.
struct Ranking {
  const Tokenizer& tokenizer;
  const TaskOptions& options;
  std::int32_t mask_id;

  Result<std::vector<Answer>> rank(const std::vector<Encoding>& encodings, const Tensor& output,
                                   std::int64_t rows) const {
    IA_TRY(check_output(output, rows));
    const std::size_t vocabulary = output.f32s().size() / static_cast<std::size_t>(rows);
    std::vector<Answer> answers;
    std::size_t row = 0;
    for (const Encoding& encoding : encodings) {
      IA_TRY(options.stop.check());
      const auto positions = mask_positions(encoding, mask_id);
      MaskFills fills;
      for (std::size_t position : positions) {
        const auto scores = output.f32s().subspan(row++ * vocabulary, vocabulary);
        IA_ASSIGN(fills.masks.emplace_back(), best(encoding, position, positions.size() == 1, scores));
      }
      answers.emplace_back(std::move(fills));
    }
    return answers;
  }

  /// The best tokens for one mask. With several masks the special tokens stay in `sequence`, so that the others show.
  Result<std::vector<MaskFill>> best(const Encoding& encoding, std::size_t position, bool skip_special,
                                     std::span<const float> scores) const {
    const std::vector<double> probabilities = softmax(scores);
    std::vector<MaskFill> fills;
    for (std::size_t id : largest(probabilities, static_cast<std::size_t>(options.top_k))) {
      const auto token = static_cast<std::int32_t>(id);
      std::vector<std::int32_t> ids = encoding.ids;
      ids[position] = token;
      IA_ASSIGN(std::string sequence, tokenizer.decode(ids, skip_special));
      IA_ASSIGN(std::string text, tokenizer.decode({token}, /*skip_special_tokens=*/false));
      fills.push_back({probabilities[id], token, std::move(text), std::move(sequence)});
    }
    return fills;
  }
};

Async<std::vector<Answer>> answer(TaskRun& run, std::vector<Content> items) {
  const Tokenizer* const tokenizer = co_await run.tokenizer();
  const std::int32_t mask_id = run.facts().mask_id;
  if (mask_id < 0) co_await fail(ErrorCode::kMissingTokenizer, "the tokenizer has no mask token");
  TextBatch batch = co_await text_batch(run, std::move(items));
  co_await add_rows(run.options(), batch, mask_id, *tokenizer);
  const std::int64_t rows = batch.tensors.shape.at(kRows);
  const Tensor output = co_await compute_output(run, std::move(batch.tensors), "logits");
  const Ranking ranking{*tokenizer, run.options(), mask_id};
  co_return co_await offloaded(run, [&] { return ranking.rank(batch.encodings, output, rows); });
}

constexpr std::string_view kAliases[] = {"masked-lm"};
constexpr std::string_view kMadeFor[] = {"ForMaskedLM", "ForPreTraining"};

}  // namespace

extern constinit const Task kFillMask{
    .name = "fill-mask",
    .aliases = kAliases,
    .made_for = kMadeFor,
    .takes = ContentKinds::of<Text, TextPair>(),
    .head = Head::kMaskedTokens,
    .gives = AnswerKind::kMaskFills,
    .answer = answer,
};

}  // namespace ipfs_accelerate
