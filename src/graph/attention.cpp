// Shape rule of attention, and what a query sees.
#include <algorithm>

#include "graph/rule.h"

namespace ipfs_accelerate {
namespace {

/// Dims of a value with `width` columns from columns.first on.
Result<Dims> check_columns(const Rule& rule, const Columns& columns, std::string_view role, std::int64_t width) {
  IA_ASSIGN(Dims dims, rule.value(columns.value, role, Dtype::kF32, 3));
  IA_ASSIGN(const std::int64_t all, rule.columns(dims, role));
  if (columns.first < 0 || columns.first + width > all) {
    return rule.wrong("{} has {} columns, {} from number {} on are needed", role, all, width, columns.first);
  }
  return dims;
}

}  // namespace

Result<Dims> op::Attention::infer(const Rule& rule) const {
  if (heads < 1 || head_dim < 1) return rule.wrong("{} heads of {} columns", heads, head_dim);
  if (kv_heads < 1 || heads % kv_heads != 0) {
    return rule.wrong("{} heads cannot share {} key-value heads", heads, kv_heads);
  }
  if (window < 0 || (window > 0 && !causal)) return rule.wrong("window {} without causal, or negative", window);
  if (!(soft_cap >= 0 && std::isfinite(soft_cap))) return rule.wrong("soft_cap {} is negative or no number", soft_cap);
  const std::int64_t hidden = std::int64_t{heads} * head_dim, narrow = std::int64_t{kv_heads} * head_dim;
  IA_ASSIGN(const Dims queries, check_columns(rule, q, "q", hidden));
  IA_ASSIGN(const Dims keys, check_columns(rule, k, "k", narrow));
  IA_ASSIGN(const Dims values, check_columns(rule, v, "v", narrow));
  if (queries[0] != keys[0] || values[0] != keys[0] || values[1] != keys[1]) {
    return rule.wrong("q, k and v differ in batch, or k and v in length");
  }
  IA_TRY(rule.optional_value(mask, "mask", Dtype::kI32, {keys[0], keys[1]}));
  IA_TRY(rule.optional_value(bias, "bias", Dtype::kF32, {dim(heads), queries[1], keys[1]}));
  return Dims{queries[0], queries[1], dim(hidden)};
}

Sight sight_of(const op::Attention& op, std::int64_t query, std::int64_t queries, std::int64_t keys) {
  if (!op.causal) return {0, keys};
  const std::int64_t end = std::clamp<std::int64_t>(query + keys - queries + 1, 1, keys);
  return {op.window == 0 ? 0 : std::max<std::int64_t>(end - op.window, 0), end};
}

}  // namespace ipfs_accelerate
