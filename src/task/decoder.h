// Decoder: the sequences of a batch, fed token by token to a part that keeps what it saw in states.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "task/run.h"
#include "task/sequences.h"

namespace ipfs_accelerate {

using Tokens = std::vector<std::int32_t>;

/// Names that decoders and tasks share. Inputs of a decoder: input_ids, position_ids, page_table, lengths, counts, rows
/// (flattened places of the tokens whose results are wanted); those its graph does not read may be absent. Outputs:
/// `logits` [rows, vocabulary] and `token` [rows], the likeliest, or -1 where none is (graph/arg_max.h).
inline constexpr std::string_view kDecoderPart = "decoder";
/// Copies a page of every state that grows with the tokens: inputs from, to, i32 [1].
inline constexpr std::string_view kCopyPart = "copy_pages";

/// As many sequences as it was opened for, each a row of every run's batch; one without tokens waits, and adds none.
class Decoder {
 public:
  /// Sequences of at most `rows` tokens each; the states are made large enough, those with other pages too.
  /// kLimitExceeded beyond the model's context, kOutOfMemory.
  static Async<std::unique_ptr<Decoder>> open(TaskRun& run, std::size_t sequences, std::int64_t rows,
                                              ShapeClass other_pages = {});

  /// One run: adds tokens[i] to sequence i, and gives the likeliest next token of each sequence that got some; -1 for
  /// the others. kNotFinite when the scores of one have a NaN, or an infinite largest one.
  Async<Tokens> feed(std::vector<Tokens> tokens);
  /// The same, and gives these outputs for every token that was added, sequence by sequence.
  Async<std::vector<NamedTensor>> feed_all(std::vector<Tokens> tokens, std::vector<std::string> wanted);

  /// Sequence `to` lets go of its tokens and goes on from those of `from`, with the rows that are kept for it. They
  /// share full pages; one that is not full is copied on the device. kInvalidArgument when they are one; after any
  /// other error `to` is empty.
  Async<> fork(std::size_t from, std::size_t to);
  /// Forgets all but the first `length` tokens of a sequence. kInvalidArgument when it has fewer; an error of the
  /// device leaves it empty.
  Async<> truncate(std::size_t i, std::int64_t length);
  /// Forgets all; others can have its pages.
  void drop(std::size_t i) { sequences_[i].drop(); }

  /// An i32 input that stays the same in every run. Row b is that of sequence b; those beyond repeat the first, so that
  /// whoever waits reads something that is there.
  void keep(std::string name, const Tensor& tensor);
  const Sequence& sequence(std::size_t i) const { return sequences_[i]; }

 private:
  Decoder(TaskRun& run, std::size_t sequences, std::int64_t rows)
      : run_(run), rows_(rows), pages_(static_cast<std::int64_t>(sequences) * pages_of(rows)) {}
  Result<> reserve(std::size_t i, std::int64_t added);
  Async<> copy(std::vector<PageCopy> copies);
  Result<Batch> batch_of(const std::vector<Tokens>& tokens, bool every_token);
  void advance(const std::vector<Tokens>& tokens);
  Error not_finite(std::size_t sequence) const;

  TaskRun& run_;
  std::int64_t rows_;  ///< of a sequence at most
  Pages pages_;
  std::vector<Sequence> sequences_;
  Batch kept_;
};

Tensor tensor_of(const Tokens& values);  ///< i32 [values]
/// The pages of some sequences as a part reads them: [sequences, pages of the longest that the model takes].
Tensor page_table(std::span<const Sequence> sequences, std::int64_t rows);

}  // namespace ipfs_accelerate
