// Generation: a decoder's own tokens fed back to it until every sequence has ended.
#pragma once

#include <algorithm>

#include "task/decoder.h"

namespace ipfs_accelerate {

struct GenerationLimits {
  std::int64_t max_new_tokens = 0;
  std::int64_t context = 0;  ///< tokens of a sequence at most, its prompt's too
  Tokens stop_ids;           ///< a sequence ends with one of these, which is not part of its text

  /// New tokens at most after a prompt of so many: each sequence has its own room, whatever is beside it.
  std::int64_t after(std::size_t prompt) const {
    return std::min(max_new_tokens, context - static_cast<std::int64_t>(prompt));
  }
};
/// From the run's options and the model's facts.
Result<GenerationLimits> generation_limits(const TaskRun& run);

/// The likeliest token each time. `prompts` are fed first; answers hold new tokens only. Pieces of text are emitted as
/// they come.
Async<std::vector<GeneratedText>> generate_greedily(TaskRun& run, Decoder& decoder, std::vector<Tokens> prompts,
                                                    GenerationLimits limits);

}  // namespace ipfs_accelerate
