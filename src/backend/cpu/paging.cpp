// Page tables: what a run says of its sequences, checked against the state.
#include "backend/cpu/paging.h"

namespace ipfs_accelerate::cpu {

Result<PagedRows> paged_rows(const RunState& run, const Paging& paging, ValueId state, std::size_t sequence,
                             std::int64_t rows) {
  const std::int64_t pages = run.shape_of(state)[0], width = run.shape_of(paging.table)[1];
  PagedRows found{.table = run.ints(paging.table) + sequence * static_cast<std::size_t>(width),
                  .length = run.ints(paging.lengths)[sequence]};
  if (paging.counts) found.count = run.ints(paging.counts)[sequence];
  if (found.length < 0 || found.count < 0 || found.count > rows || found.total() > width * kPageRows) {
    return fail(ErrorCode::kInvalidArgument, "sequence {} has {} rows and adds {}; at most {} can be added, {} in all",
                sequence, found.length, found.count, rows, width * kPageRows);
  }
  for (std::int64_t page = 0; page * kPageRows < found.total(); ++page) {
    if (found.table[page] >= 0 && found.table[page] < pages) continue;
    return fail(ErrorCode::kInvalidArgument, "page {} of sequence {} is number {}, there are {}", page, sequence,
                found.table[page], pages);
  }
  return found;
}

}  // namespace ipfs_accelerate::cpu
