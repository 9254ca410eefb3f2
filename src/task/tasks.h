// The tasks: one function and one file each, listed in registry.cpp.
#pragma once

#include "task/task.h"

namespace ipfs_accelerate {

const Task& feature_extraction();
const Task& fill_mask();
const Task& text_classification();

}  // namespace ipfs_accelerate
