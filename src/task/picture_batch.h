// Pictures -> batches of input tensors, one for each size; shared by all tasks on pictures.
#pragma once

#include "task/task.h"

namespace ipfs_accelerate {

/// Pictures of one prepared size. Input: pixel_values, f32 [batch, channels, height, width].
struct PictureBatch {
  Batch tensors;
  std::vector<std::size_t> items;  ///< which of the task's items these are
};

/// Prepared pictures of a batch take at most this much memory, each weighed twice: alone and in its batch.
inline constexpr std::int64_t kMaxPreparedBytes = std::int64_t{1} << 30;

/// Decodes and prepares `items` (pictures and pixels), one after the other, on the pool. Batches are in the order of
/// their first pictures. kUnknownTask when the model takes no pictures; kLimitExceeded beyond kMaxPreparedBytes;
/// kMalformedConfig where a picture has other channels than the model takes. Errors name the input.
Async<std::vector<PictureBatch>> picture_batches(TaskRun& run, std::vector<Content> items);

/// The step of it that batches: pictures of one shape together.
Result<std::vector<PictureBatch>> batched_pictures(std::vector<Tensor> prepared);

}  // namespace ipfs_accelerate
