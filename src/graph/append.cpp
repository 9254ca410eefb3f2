// Shape rule of append.
#include "graph/rule.h"

namespace ipfs_accelerate {

Result<Dims> op::Append::infer(const Rule& rule) const {
  IA_ASSIGN(const Dims rows, rule.value(x.value, "x", Dtype::kF32, 3));
  IA_ASSIGN(const Dims pages, rule.state(state));
  IA_TRY(rule.range(x, "x", pages[2].size));
  IA_TRY(rule.paging(paging, rows[0]));
  if (!paging.counts) return rule.wrong("counts are missing");
  return pages;
}

}  // namespace ipfs_accelerate
