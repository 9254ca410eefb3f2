// copy_pages on the CPU.
#include <cstring>

#include "backend/cpu/paging.h"
#include "backend/cpu/steps.h"
#include "tensor/format.h"

namespace ipfs_accelerate::cpu {

Result<> run(const op::CopyPages& op, ValueId output, RunState& run) {
  const std::int64_t pages = run.shape_of(output)[0];
  const auto bytes =
      static_cast<std::size_t>(byte_count(dtype_of(run), kPageRows * static_cast<std::int64_t>(run.width_of(output))));
  for (std::size_t i = 0; i < run.width_of(op.from); ++i) {
    const std::int32_t from = run.ints(op.from)[i], to = run.ints(op.to)[i];
    if (from < 0 || from >= pages || to < 0 || to >= pages) {
      return fail(ErrorCode::kInvalidArgument, "copy of page {} to page {}, there are {}", from, to, pages);
    }
    std::byte* const first = run.places[output.index()];
    if (from == to) continue;
    std::memcpy(first + static_cast<std::size_t>(to) * bytes, first + static_cast<std::size_t>(from) * bytes, bytes);
  }
  return {};
}

}  // namespace ipfs_accelerate::cpu
