// Sources: the texts that a decoder attends to, as its encoder wrote them into states.
#pragma once

#include "task/decoder.h"

namespace ipfs_accelerate {

inline constexpr std::string_view kEncoderPart = "encoder";

/// A decoder that attends to its sources, and what was wanted of the encoder.
struct EncodedSources {
  std::unique_ptr<Decoder> decoder;
  std::vector<NamedTensor> outputs;
};

/// Runs the encoder on `sources` (input_ids and attention_mask, i32 [batch, sequence], padded on the right), which
/// writes their keys and values into pages of their own: inputs cross_table, cross_before (no rows), cross_counts. The
/// decoder gets cross_table and cross_lengths in every run, and sequences of at most `rows` tokens: one for each
/// source, and `spare` more for forks. Nobody writes a source's pages again, so a fork reads those of its sequence: it
/// takes the row of the table, and nothing is copied.
Async<EncodedSources> encode_sources(TaskRun& run, Batch sources, std::int64_t rows,
                                     std::vector<std::string> wanted = {}, std::size_t spare = 0);

}  // namespace ipfs_accelerate
