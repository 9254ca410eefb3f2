// Building the inputs of a decoder's runs; forks and cuts of its sequences.
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
  std::unique_ptr<Decoder> made(new Decoder(run, sequences, rows));
  other_pages.set(kPages, made->pages_.count());
  co_await run.reserve_states(std::move(other_pages));
  for (std::size_t i = 0; i < sequences; ++i) made->sequences_.emplace_back(made->pages_);
  co_return made;
}

void Decoder::keep(std::string name, const Tensor& tensor) {
  Shape shape = tensor.shape;
  shape[0] = static_cast<std::int64_t>(sequences_.size());
  Tensor rows = Tensor::i32(std::move(shape));
  const std::span<const std::int32_t> given = tensor.i32s();
  const std::span<std::int32_t> all = rows.i32s();
  const std::size_t each = given.size() / static_cast<std::size_t>(std::max<std::int64_t>(tensor.shape[0], 1));
  for (std::size_t at = 0; at < all.size() && each > 0; ++at) all[at] = given[at < given.size() ? at : at % each];
  kept_.add(std::move(name), std::move(rows));
}

Result<> Decoder::reserve(std::size_t i, std::int64_t added) {
  const std::int64_t length = sequences_[i].length();
  if (length + added > rows_) {
    return fail(ErrorCode::kLimitExceeded, "{} tokens after {}: the sequence was opened for {}", added, length, rows_);
  }
  return sequences_[i].reserve(added);
}

Async<> Decoder::copy(std::vector<PageCopy> copies) {
  for (const auto& [from, to] : copies) {
    Batch batch;
    batch.add("from", tensor_of({from}));
    batch.add("to", tensor_of({to}));
    co_await run_.compute(std::string(kCopyPart), std::move(batch), {});
  }
}

Async<> Decoder::fork(std::size_t from, std::size_t to) {
  if (from == to) co_await fail(ErrorCode::kInvalidArgument, "sequence {} cannot go on from itself", from);
  sequences_[to].drop();
  std::vector<PageCopy> copies;
  Sequence made = co_await sequences_[from].fork(copies);
  co_await copy(std::move(copies));
  sequences_[to] = std::move(made);
  for (Tensor& tensor : kept_.inputs) {
    const std::size_t each = tensor.i32s().size() / sequences_.size();
    std::ranges::copy(tensor.i32s().subspan(from * each, each), tensor.i32s().subspan(to * each).begin());
  }
}

Async<> Decoder::truncate(std::size_t i, std::int64_t length) {
  std::vector<PageCopy> copies;
  co_await sequences_[i].truncate(length, copies);
  const auto copied = co_await as_result(copy(std::move(copies)));
  if (!copied) sequences_[i].drop();
  co_await copied;
}

Result<Batch> Decoder::batch_of(const std::vector<Tokens>& tokens, bool every_token) {
  const auto count = static_cast<std::int64_t>(tokens.size()), width = longest(tokens);
  Batch batch = kept_;
  Tensor ids = Tensor::i32({count, width}), positions = Tensor::i32({count, width});
  Tokens lengths, counts;
  for (std::size_t b = 0; b < tokens.size(); ++b) {
    const auto added = static_cast<std::int64_t>(tokens[b].size());
    IA_TRY(reserve(b, added));
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
