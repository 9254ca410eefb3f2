// The tasks: one file each, which ends with its row; registry.cpp lists them.
#pragma once

#include "task/task.h"

namespace ipfs_accelerate {

extern const Task kFeatureExtraction;
extern const Task kFillMask;
extern const Task kImageClassification;
extern const Task kTextClassification;
extern const Task kTextGeneration;

}  // namespace ipfs_accelerate
