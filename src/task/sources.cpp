// Running the encoder, and telling the decoder where its rows are.
#include "task/sources.h"

#include <algorithm>
#include <numeric>

namespace ipfs_accelerate {
namespace {

/// The mask of each source.
Result<std::vector<std::span<const std::int32_t>>> mask_rows(const Batch& sources) {
  std::vector<std::span<const std::int32_t>> rows;
  if (const Rows* const own = sources.find_rows("attention_mask")) {
    rows.assign(own->begin(), own->end());
    return rows;
  }
  const Tensor* const mask = sources.find("attention_mask");
  if (!mask) return fail(ErrorCode::kInternal, "sources without attention_mask");
  const auto width = static_cast<std::size_t>(mask->shape.at(1));
  for (std::size_t b = 0; b < static_cast<std::size_t>(mask->shape[0]); ++b) {
    rows.push_back(mask->i32s().subspan(b * width, width));
  }
  return rows;
}

/// How many tokens each source has: its mask is so many ones, then zeros.
Result<Tokens> counts_of(const Batch& sources) {
  Tokens counts;
  IA_ASSIGN(const auto rows, mask_rows(sources));
  for (std::size_t b = 0; b < rows.size(); ++b) {
    const auto row = rows[b];
    const auto end = std::ranges::find(row, 0);
    if (std::any_of(end, row.end(), [](std::int32_t one) { return one != 0; })) {
      return fail(ErrorCode::kInvalidArgument, "attention_mask of sequence {} has tokens after padding", b);
    }
    counts.push_back(static_cast<std::int32_t>(end - row.begin()));
  }
  return counts;
}

std::int64_t all_pages(const Tokens& counts) {
  const auto add = [](std::int64_t sum, std::int32_t count) { return sum + pages_of(count); };
  return std::max<std::int64_t>(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}, add), 1);
}

/// Pages for each source, as the parts read them.
Result<Tensor> table_of(const Tokens& counts, std::int64_t context) {
  Pages pages(all_pages(counts));
  std::vector<Sequence> sequences;
  for (const std::int32_t count : counts) {
    if (count > context)
      return fail(ErrorCode::kInputTooLong, "a text of {} tokens, the model takes {}", count, context);
    sequences.emplace_back(pages);
    IA_TRY(sequences.back().reserve(count));
  }
  return page_table(sequences, context);
}

}  // namespace

Async<EncodedSources> encode_sources(TaskRun& run, Batch sources, std::int64_t rows, std::vector<std::string> wanted,
                                     std::size_t spare) {
  const Tokens counts = co_await counts_of(sources);
  Tensor table = co_await table_of(counts, run.facts().context);
  EncodedSources encoded;
  encoded.decoder = co_await Decoder::open(run, counts.size() + spare, rows, {{kCrossPages, all_pages(counts)}});
  sources.add("cross_table", table);
  sources.add("cross_before", Tensor::i32({static_cast<std::int64_t>(counts.size())}));
  sources.add("cross_counts", tensor_of(counts));
  encoded.outputs = co_await run.compute(std::string(kEncoderPart), std::move(sources), std::move(wanted));
  run.count_tokens(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}));
  encoded.decoder->keep("cross_table", table);
  encoded.decoder->keep("cross_lengths", tensor_of(counts));
  co_return std::move(encoded);
}

}  // namespace ipfs_accelerate
