// Conformance cases of what keeps keys and values in pages; see state_cases.cpp.
#pragma once

#include "conformance/conformance.h"

namespace ipfs_accelerate {

void add_states(std::vector<ConformanceCase>& cases);

}  // namespace ipfs_accelerate
