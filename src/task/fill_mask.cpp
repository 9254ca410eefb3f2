// fill-mask: a text with mask tokens -> the likeliest tokens for each.

#include "task/tasks.h"
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

class FillMask final : public Task {
 public:
  AnswerKind gives() const override { return AnswerKind::kMaskFills; }
  std::string_view name() const override { return "fill-mask"; }

  Result<Batch> prepare(const TaskModel& model, const std::vector<TextInput>& items,
                        const TaskOptions& options) const override {
    if (model.mask_id < 0) return fail(ErrorCode::kMissingTokenizer, "the tokenizer has no mask token");
    IA_ASSIGN(Batch batch, make_text_batch(model, items, options));
    std::vector<std::int32_t> rows;
    for (std::size_t item = 0; item < batch.encodings.size(); ++item) {
      const auto positions = mask_positions(batch.encodings[item], model.mask_id);
      if (positions.empty()) {
        return fail(ErrorCode::kInvalidArgument, "input {} has no mask token '{}' within the model's length", item,
                    model.tokenizer->token(model.mask_id).value_or(""));
      }
      for (std::size_t position : positions) {
        rows.push_back(
            static_cast<std::int32_t>(item * static_cast<std::size_t>(batch.shape.at(kSequence)) + position));
      }
    }
    const auto count = static_cast<std::int64_t>(rows.size());
    batch.shape.set(kRows, count);
    batch.input_names.emplace_back("rows");
    batch.inputs.push_back(Tensor::i32({count}));
    std::ranges::copy(rows, batch.inputs.back().i32s().begin());
    return batch;
  }

  Result<std::vector<Answer>> finish(const TaskModel& model, const Batch& batch, const Tensor& output,
                                             const TaskOptions& options) const override {
    const std::int64_t rows = batch.shape.at(kRows);
    IA_TRY(check_output(output, rows));
    const std::size_t vocabulary = output.f32s().size() / static_cast<std::size_t>(rows);
    std::vector<Answer> results;
    std::size_t row = 0;
    for (std::size_t item = 0; item < batch.encodings.size(); ++item) {
      IA_TRY(options.stop.check());
      const auto positions = mask_positions(batch.encodings[item], model.mask_id);
      MaskFills fills;
      for (std::size_t position : positions) {
        const auto scores = output.f32s().subspan(row++ * vocabulary, vocabulary);
        IA_ASSIGN(std::vector<MaskFill> best, rank(model, batch.encodings[item], position, positions.size() == 1, scores,
                                               static_cast<std::size_t>(options.top_k)));
        fills.masks.push_back(std::move(best));
      }
      results.emplace_back(std::move(fills));
    }
    return results;
  }

 private:
  /// The best tokens for one mask. With several masks the special tokens stay in `sequence`, so that the others show.
  static Result<std::vector<MaskFill>> rank(const TaskModel& model, const Encoding& encoding, std::size_t position,
                                     bool skip_special, std::span<const float> scores, std::size_t count) {
    const std::vector<double> probabilities = softmax(scores);
    std::vector<MaskFill> answers;
    for (std::size_t id : largest(probabilities, count)) {
      const auto token = static_cast<std::int32_t>(id);
      std::vector<std::int32_t> ids = encoding.ids;
      ids[position] = token;
      IA_ASSIGN(std::string sequence, model.tokenizer->decode(ids, skip_special));
      IA_ASSIGN(std::string text, model.tokenizer->decode({token}, /*skip_special_tokens=*/false));
      answers.push_back({probabilities[id], token, std::move(text), std::move(sequence)});
    }
    return answers;
  }
};

}  // namespace

const Task& fill_mask() {
  static const FillMask task;
  return task;
}

}  // namespace ipfs_accelerate
