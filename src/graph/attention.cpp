// Shape rule of attention, and what a query sees.
#include <algorithm>

#include "graph/rule.h"

namespace ipfs_accelerate {
namespace {

Result<> check_paged(const op::Attention& op, const Rule& rule, const Dims& queries) {
  if (op.mask || op.bias) return rule.wrong("mask or bias with a paging");
  IA_TRY(rule.paging(op.paging, queries[0]));
  if (op.causal && !op.paging.counts) return rule.wrong("causal without counts");
  if (!op.distance_bias) return {};
  if (!op.causal) return rule.wrong("distance_bias without causal");
  IA_ASSIGN(const Dims distances, rule.value(op.distance_bias, "distance_bias", Dtype::kF32, 2));
  if (distances[0] != dim(op.heads)) return rule.wrong("distance_bias has other heads");
  IA_TRY(rule.columns(distances, "distance_bias"));
  return {};
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
  IA_ASSIGN(const Dims queries, rule.value(q.value, "q", Dtype::kF32, 3));
  IA_ASSIGN(const Dims keys, rule.value(k.value, "k", Dtype::kF32, 3));
  IA_ASSIGN(const Dims values, rule.value(v.value, "v", Dtype::kF32, 3));
  IA_TRY(rule.range(q, "q", hidden));
  IA_TRY(rule.range(k, "k", narrow));
  IA_TRY(rule.range(v, "v", narrow));
  if (rule.is_state(k.value) != bool(paging.table) || rule.is_state(v.value) != bool(paging.table)) {
    return rule.wrong("a page table goes with k and v in a state, and they with it");
  }
  if (paging.table) {
    IA_TRY(check_paged(*this, rule, queries));
    return Dims{queries[0], queries[1], dim(hidden)};
  }
  if (distance_bias) return rule.wrong("distance_bias without a paging");
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
