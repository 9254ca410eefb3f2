// Pages of states: how many hold so many rows.
#pragma once

#include "graph/graph.h"

namespace ipfs_accelerate {

constexpr std::int64_t pages_of(std::int64_t rows) { return (rows + kPageRows - 1) / kPageRows; }

}  // namespace ipfs_accelerate
