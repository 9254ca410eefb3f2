// Shape rule of copy_pages.
#include "graph/rule.h"

namespace ipfs_accelerate {

Result<Dims> op::CopyPages::infer(const Rule& rule) const {
  IA_ASSIGN(const Dims pages, rule.state(state));
  IA_ASSIGN(const Dims copies, rule.value(from, "from", Dtype::kI32, 1));
  IA_TRY(rule.optional_value(to, "to", Dtype::kI32, copies));
  if (!to) return rule.wrong("to is missing");
  return pages;
}

}  // namespace ipfs_accelerate
