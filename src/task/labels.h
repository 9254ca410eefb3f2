// Labels: a classifier's logits as labels with scores; shared by the tasks that classify.
#pragma once

#include "task/task.h"

namespace ipfs_accelerate {

/// Labels of each row of [items, labels]: the `top_k` likeliest, best first. kNotFinite; kInternal when the output has
/// another shape.
Result<std::vector<Answer>> labels_of(const ModelFacts& facts, const Tensor& output, std::size_t items,
                                      std::int32_t top_k);

}  // namespace ipfs_accelerate
