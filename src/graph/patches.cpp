// Shape rule of patches.
#include "graph/rule.h"

namespace ipfs_accelerate {

Result<Dims> op::Patches::infer(const Rule& rule) const {
  IA_ASSIGN(const Dims dims, rule.value(pixels, "pixels", Dtype::kF32, 4));
  constexpr std::int64_t kMost = 1 << 14;  // of channels and of a side
  if (size < 1 || size > kMost) return rule.wrong("size is {}, 1 to {} is needed", size, kMost);
  if (dims[1].symbol || dims[1].size < 1 || dims[1].size > kMost) {
    return rule.wrong("the number of channels must be a number from 1 to {}", kMost);
  }
  IA_TRY(rule.follows(rows, {{{dims[2], 0, size}}}, "rows"));
  IA_TRY(rule.follows(columns, {{{dims[3], 0, size}}}, "columns"));
  IA_TRY(rule.follows(count, {{{rows}, {columns}}}, "patches"));
  return Dims{dims[0], count, dim(dims[1].size * size * size)};
}

op::Patches patches_of(GraphBuilder& builder, ValueId pixels, std::int32_t size) {
  op::Patches op{.pixels = pixels, .size = size};
  if (!pixels || builder.unfinished().value(pixels).dims.size() != 4) return op;  // add() says what is wrong
  const std::vector<Dim> dims = builder.unfinished().value(pixels).dims;
  op.rows = builder.symbol({.name = "patch_rows", .formula = {{{dims[2], 0, size}}}});
  op.columns = builder.symbol({.name = "patch_columns", .formula = {{{dims[3], 0, size}}}});
  op.count = builder.symbol({.name = "patches", .counts_tokens = true, .formula = {{{op.rows}, {op.columns}}}});
  return op;
}

}  // namespace ipfs_accelerate
