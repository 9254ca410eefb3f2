// Tokenizing, checking and padding; see text_batch.h.
#include "task/text_batch.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace ipfs_accelerate {
namespace {

Result<std::int64_t> token_limit(const ModelFacts& facts, const TaskOptions& options) {
  if (options.max_tokens < 0) {
    return fail(ErrorCode::kInvalidArgument, "max_tokens is {}, it must not be negative", options.max_tokens);
  }
  if (options.top_k < 1) return fail(ErrorCode::kInvalidArgument, "top_k is {}, at least 1 is needed", options.top_k);
  return options.max_tokens == 0 ? facts.max_tokens : std::min<std::int64_t>(facts.max_tokens, options.max_tokens);
}

Result<Encoding> encode_item(const Tokenizer& tokenizer, const Content& item, std::size_t number, std::int64_t limit,
                             bool truncation) {
  EncodeOptions encode;
  if (truncation) encode.truncation = Truncation{.max_length = static_cast<std::int32_t>(limit)};
  const auto* const pair = std::get_if<TextPair>(&item);
  const auto* const text = std::get_if<Text>(&item);
  if (!pair && !text) return fail(ErrorCode::kInternal, "input {} is no text", number);
  auto encoding =
      pair ? tokenizer.encode(pair->text, pair->pair, encode) : tokenizer.encode(text->text, std::nullopt, encode);
  if (!encoding) return while_doing(std::move(encoding).error(), "tokenizing input {}", number);
  if (static_cast<std::int64_t>(encoding->ids.size()) > limit) {
    return fail(ErrorCode::kInputTooLong, "input {} has {} tokens, the model takes {}; shorten it", number,
                encoding->ids.size(), limit);
  }
  return encoding;
}

Result<> check_ids(const ModelFacts& facts, const Encoding& encoding, std::size_t number) {
  if (encoding.ids.empty()) return fail(ErrorCode::kInvalidArgument, "input {} has no tokens", number);
  if (static_cast<std::int64_t>(encoding.ids.size()) > facts.max_tokens) {
    return fail(ErrorCode::kInputTooLong, "input {} has {} tokens, the model takes {}", number, encoding.ids.size(),
                facts.max_tokens);
  }
  for (std::int32_t id : encoding.ids) {
    if (id >= 0 && id < facts.vocabulary) continue;
    return fail(ErrorCode::kMalformedConfig, "the tokenizer gives id {} for input {}, the model's table has {} rows",
                id, number, facts.vocabulary);
  }
  return {};
}

std::int32_t at_or(const std::vector<std::int32_t>& values, std::size_t i, std::int32_t otherwise) {
  return i < values.size() ? values[i] : otherwise;
}

using Row = std::vector<std::int32_t>;

/// Token type ids of one item. A table of one row means that types play no role (RoBERTa): all zeros then.
Result<Row> types_of(const ModelFacts& facts, const Encoding& encoding) {
  Row row(encoding.ids.size());
  if (!facts.token_types || facts.type_vocabulary == 1) return row;
  for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
    row[i] = at_or(encoding.type_ids, i, 0);
    if (row[i] >= 0 && row[i] < facts.type_vocabulary) continue;
    return fail(ErrorCode::kMalformedConfig, "the tokenizer gives token type {}, the model's table has {} rows", row[i],
                facts.type_vocabulary);
  }
  return row;
}

/// 0, 1, 2 ...; or, after the pad id, counting only tokens that are not padding.
Row positions_of(const ModelFacts& facts, const Row& ids) {
  Row row(ids.size());
  std::iota(row.begin(), row.end(), 0);
  if (facts.positions != PositionRule::kAfterPadId) return row;
  const auto pad = static_cast<std::int32_t>(facts.pad_id);
  std::int32_t position = pad;
  for (std::size_t i = 0; i < ids.size(); ++i) row[i] = ids[i] == pad ? pad : ++position;
  return row;
}

Row mask_of(const Encoding& encoding) {
  Row row;
  for (std::size_t i = 0; i < encoding.ids.size(); ++i) row.push_back(at_or(encoding.attention_mask, i, 1));
  return row;
}

}  // namespace

Result<std::vector<Encoding>> encode_texts(const ModelFacts& facts, const Tokenizer& tokenizer,
                                           const std::vector<Content>& items, const TaskOptions& options) {
  IA_ASSIGN(const std::int64_t limit, token_limit(facts, options));
  std::vector<Encoding> encodings;
  for (std::size_t i = 0; i < items.size(); ++i) {
    IA_TRY(options.stop.check());
    IA_ASSIGN(Encoding encoding, encode_item(tokenizer, items[i], options.number_of(i), limit, options.truncation));
    encodings.push_back(std::move(encoding));
  }
  return encodings;
}

Async<TextBatch> text_batch(TaskRun& run, std::vector<Content> items) {
  if (run.facts().vocabulary == 0) {
    co_await fail(ErrorCode::kUnknownTask, "models of type '{}' take no texts", run.facts().architecture);
  }
  const Tokenizer* const tokenizer = co_await run.tokenizer();
  TextBatch batch = co_await offloaded(run, [&]() -> Result<TextBatch> {
    TextBatch made;
    IA_ASSIGN(made.encodings, encode_texts(run.facts(), *tokenizer, items, run.options()));
    IA_ASSIGN(made.tensors, encoded_batch(run.facts(), made.encodings));
    return made;
  });
  std::int64_t tokens = 0;
  for (const Encoding& encoding : batch.encodings) {
    for (const std::int32_t attended : encoding.attention_mask) tokens += attended;
  }
  run.count_tokens(tokens);
  co_return std::move(batch);
}

Result<Batch> encoded_batch(const ModelFacts& facts, const std::vector<Encoding>& encodings) {
  if (encodings.empty()) return fail(ErrorCode::kInvalidArgument, "there are no inputs");
  std::size_t sequence = 0;
  for (std::size_t i = 0; i < encodings.size(); ++i) {
    IA_TRY(check_ids(facts, encodings[i], i));
    sequence = std::max(sequence, encodings[i].ids.size());
  }
  Rows ids, positions, types, masks;
  for (const Encoding& encoding : encodings) {
    ids.push_back(encoding.ids);
    positions.push_back(positions_of(facts, encoding.ids));
    IA_ASSIGN(Row own, types_of(facts, encoding));
    types.push_back(std::move(own));
    masks.push_back(mask_of(encoding));
  }
  Batch batch{
      {{kBatch, static_cast<std::int64_t>(encodings.size())}, {kSequence, static_cast<std::int64_t>(sequence)}}};
  batch.add("input_ids", std::move(ids));
  batch.add("position_ids", std::move(positions));
  const auto typed = [](const Row& row) {
    return std::ranges::any_of(row, [](std::int32_t type) { return type != 0; });
  };
  if (std::ranges::any_of(types, typed))
    batch.add("token_type_ids", std::move(types));  // else every token is of type 0
  batch.add("attention_mask", std::move(masks));
  return batch;
}

Result<> check_output(const Tensor& output, std::int64_t rows) {
  if (output.dtype != Dtype::kF32 || output.shape.size() < 2 || output.shape[0] != rows) {
    return fail(ErrorCode::kInternal, "the output is {} {}, F32 with {} rows is needed", dtype_name(output.dtype),
                shape_text(output.shape), rows);
  }
  return check_finite("output", output.dtype, output.bytes);
}

std::vector<double> softmax(std::span<const float> scores) {
  std::vector<double> result(scores.begin(), scores.end());
  if (result.empty()) return result;
  const double highest = std::ranges::max(result);
  for (double& value : result) value = std::exp(value - highest);
  const double sum = std::accumulate(result.begin(), result.end(), 0.0);
  for (double& value : result) value /= sum;
  return result;
}

std::vector<std::size_t> largest(std::span<const double> scores, std::size_t count) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  count = std::min(count, order.size());
  std::ranges::partial_sort(
      order, order.begin() + static_cast<std::ptrdiff_t>(count),
      [&](std::size_t a, std::size_t b) { return scores[a] != scores[b] ? scores[a] > scores[b] : a < b; });
  order.resize(count);
  return order;
}

}  // namespace ipfs_accelerate
