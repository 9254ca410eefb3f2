// Building the inputs of a decoder's runs.
#include "task/decoder.h"

#include <algorithm>

namespace ipfs_accelerate {
namespace {

std::int64_t longest(const std::vector<Tokens>& tokens) {
  std::size_t most = 1;
  for (const Tokens& one : tokens) most = std::max(most, one.size());
  return static_cast<std::int64_t>(most);
}

/// Flattened places of the tokens that were added: all; or one for each sequence, the last, so that the shape class
/// stays the same when a sequence gets none: then its first place, where nothing is.
Tokens rows_of(const std::vector<Tokens>& tokens, std::int64_t width, bool every_token) {
  Tokens rows;
  for (std::size_t b = 0; b < tokens.size(); ++b) {
    const auto count = static_cast<std::int32_t>(tokens[b].size());
    const auto begin = static_cast<std::int32_t>(b) * static_cast<std::int32_t>(width);
    if (!every_token) rows.push_back(begin + std::max(count - 1, 0));
    for (std::int32_t i = 0; every_token && i < count; ++i) rows.push_back(begin + i);
  }
  return rows;
}

}  // namespace

Tensor tensor_of(const Tokens& values) {
  Tensor tensor = Tensor::i32({static_cast<std::int64_t>(values.size())});
  std::ranges::copy(values, tensor.i32s().begin());
  return tensor;
}

Tensor page_table(std::span<const Sequence> sequences, std::int64_t rows) {
  const std::int64_t width = pages_of(rows);
  Tensor table = Tensor::i32({static_cast<std::int64_t>(sequences.size()), width});
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    std::ranges::copy(sequences[i].table(), table.i32s().begin() + static_cast<std::ptrdiff_t>(i) * width);
  }
  return table;
}

Async<std::unique_ptr<Decoder>> Decoder::open(TaskRun& run, std::size_t sequences, std::int64_t rows,
                                              ShapeClass other_pages) {
  if (rows > run.facts().max_tokens) {
    co_await fail(ErrorCode::kLimitExceeded, "a sequence of {} tokens, the model takes {}", rows,
                  run.facts().max_tokens);
  }
  const std::int64_t pages = pages_of(rows) * static_cast<std::int64_t>(sequences);
  other_pages.set(kPages, pages);
  co_await run.reserve_states(std::move(other_pages));
  std::unique_ptr<Decoder> made(new Decoder(run, pages));
  for (std::size_t i = 0; i < sequences; ++i) made->sequences_.emplace_back(made->pages_);
  co_return made;
}

Result<Batch> Decoder::batch_of(const std::vector<Tokens>& tokens, bool every_token) {
  const auto count = static_cast<std::int64_t>(tokens.size()), width = longest(tokens);
  Batch batch = kept_;
  Tensor ids = Tensor::i32({count, width}), positions = Tensor::i32({count, width});
  Tokens lengths, counts;
  for (std::size_t b = 0; b < tokens.size(); ++b) {
    const auto added = static_cast<std::int64_t>(tokens[b].size());
    IA_TRY(sequences_[b].reserve(added));
    lengths.push_back(static_cast<std::int32_t>(sequences_[b].length()));
    counts.push_back(static_cast<std::int32_t>(added));
    const auto begin = static_cast<std::ptrdiff_t>(b) * width;
    std::ranges::copy(tokens[b], ids.i32s().begin() + begin);
    for (std::int64_t i = 0; i < added; ++i) {
      positions.i32s()[static_cast<std::size_t>(begin + i)] = static_cast<std::int32_t>(sequences_[b].length() + i);
    }
  }
  const Tokens rows = rows_of(tokens, width, every_token);
  batch.shape.set(kBatch, count);
  batch.shape.set(kSequence, width);
  batch.shape.set(kRows, static_cast<std::int64_t>(rows.size()));
  batch.add("input_ids", std::move(ids));
  batch.add("position_ids", std::move(positions));
  batch.add("page_table", page_table(sequences_, run_.facts().context));
  batch.add("lengths", tensor_of(lengths));
  batch.add("counts", tensor_of(counts));
  batch.add("rows", tensor_of(rows));
  return batch;
}

void Decoder::advance(const std::vector<Tokens>& tokens) {
  for (std::size_t b = 0; b < tokens.size(); ++b) {
    sequences_[b].advance(static_cast<std::int64_t>(tokens[b].size()));
    run_.count_tokens(static_cast<std::int64_t>(tokens[b].size()));
  }
}

Error Decoder::not_finite(std::size_t sequence) const {
  const char* const advice = run_.precision() == 16
                                 ? "numbers beyond 65504 are infinite at precision 16, so use precision 32"
                                 : "its weights are too large for float32 here, or damaged, so use other weights";
  return {
      ErrorCode::kNotFinite,
      std::format("{} ({}): sequence {} has no finite scores for the token at position {}: {}", run_.facts().model_type,
                  run_.facts().architecture, sequence, sequences_[sequence].length(), advice)};
}

Async<Tokens> Decoder::feed(std::vector<Tokens> tokens) {
  Batch batch = co_await batch_of(tokens, /*every_token=*/false);
  const auto outputs = co_await run_.compute(std::string(kDecoderPart), std::move(batch), {"token"});
  advance(tokens);
  const auto likeliest = outputs[0].second.i32s();
  Tokens next;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    next.push_back(tokens[i].empty() ? -1 : likeliest[i]);
    if (!tokens[i].empty() && next.back() < 0) co_await std::unexpected(not_finite(i));
  }
  co_return next;
}

Async<std::vector<NamedTensor>> Decoder::feed_all(std::vector<Tokens> tokens, std::vector<std::string> wanted) {
  Batch batch = co_await batch_of(tokens, /*every_token=*/true);
  auto outputs = co_await run_.compute(std::string(kDecoderPart), std::move(batch), std::move(wanted));
  advance(tokens);
  co_return outputs;
}

}  // namespace ipfs_accelerate
