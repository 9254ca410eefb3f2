// Generation: a decoder's own tokens fed back to it until every sequence has ended.
#pragma once

#include "task/decoder.h"

namespace ipfs_accelerate {

struct GenerationLimits {
  std::int64_t max_new_tokens = 0;
  Tokens stop_ids;  ///< a sequence ends with one of these, which is not part of its text
};
/// From the run's options and the model's facts; `room`: tokens that the longest sequence may still get.
Result<GenerationLimits> generation_limits(const TaskRun& run, std::int64_t room);

/// The likeliest token each time. `prompts` are fed first; answers hold new tokens only. Pieces of text are emitted as
/// they come.
Async<std::vector<GeneratedText>> generate_greedily(TaskRun& run, Decoder& decoder, std::vector<Tokens> prompts,
                                                    GenerationLimits limits);

}  // namespace ipfs_accelerate
