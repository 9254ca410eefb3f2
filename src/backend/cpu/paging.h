// Where the rows of sequences lie in a state.
#pragma once

#include "backend/cpu/executable.h"

namespace ipfs_accelerate::cpu {

/// Rows of one sequence in a state.
struct PagedRows {
  const std::int32_t* table;  ///< its pages
  std::int64_t length = 0;    ///< before this run
  std::int64_t count = 0;     ///< that this run adds

  std::int64_t total() const { return length + count; }
  /// Which row of the state is its row number `row`.
  std::int64_t place(std::int64_t row) const { return table[row / kPageRows] * kPageRows + row % kPageRows; }
};

/// kInvalidArgument when lengths and counts do not fit the table, or name pages that `state` has not. `rows`: how many
/// this run may add.
Result<PagedRows> paged_rows(const RunState& run, const Paging& paging, ValueId state, std::size_t sequence,
                             std::int64_t rows);

/// The format in which states lie.
inline Dtype dtype_of(const RunState& run) { return run.states->dtype; }

}  // namespace ipfs_accelerate::cpu
