// Operation attention: its fields and its shape rule.
#pragma once

#include <cmath>

#include "graph/append.h"

namespace ipfs_accelerate {

namespace op {

/// Multi-head attention. q: columns of [batch, queries, ...]; k and v: columns of [batch, keys, ...]; heads * head_dim
/// of the first, kv_heads * head_dim of the others, so that stacked projections stay one product. Query head h reads
/// key-value head h / (heads / kv_heads). y: [batch, queries, heads * head_dim].
/// Score: scale * q k, then soft_cap * tanh(score / soft_cap) where soft_cap is not 0, then + bias [heads, queries,
/// keys]. A query sees every key; with `causal` those up to its own place, where the last query stands at the last key;
/// with a `window` only the last so many of these. Of what it sees it attends to the keys whose mask (i32 [batch,
/// keys]) is not 0. A query that attends to nothing weighs all that it sees alike.
/// With a paging, k and v are columns of a state, and sequence b has lengths[b] + counts[b] keys; its query i stands at
/// key lengths[b] + i. Queries beyond counts[b] are padding: what they give is finite and means nothing. With no key at
/// all: zeros. There is no mask and no bias then, but distance_bias [heads, n], added to the score of a key that lies d
/// places before its query: entry min(d, n - 1); it needs `causal`.
struct Attention {
  static constexpr std::string_view kName = "attention";
  Columns q{}, k{}, v{};
  ValueId mask{}, bias{}, distance_bias{};
  Paging paging{};
  std::int32_t heads = 1, kv_heads = 1, head_dim = 1;
  float scale = 1.0f, soft_cap = 0.0f;
  bool causal = false;
  std::int32_t window = 0;  ///< 0: no limit

  static constexpr void fields(auto& self, auto&& visit) {
    visit("q", self.q);
    visit("k", self.k);
    visit("v", self.v);
    visit("mask", self.mask);
    visit("bias", self.bias);
    visit("distance_bias", self.distance_bias);
    visit("paging", self.paging);
    visit("heads", self.heads);
    visit("kv_heads", self.kv_heads);
    visit("head_dim", self.head_dim);
    visit("scale", self.scale);
    visit("soft_cap", self.soft_cap);
    visit("causal", self.causal);
    visit("window", self.window);
  }
  Result<std::vector<Dim>> infer(const Rule& rule) const;
};

/// Every token attends to every other: qkv [batch, sequence, 3 * heads * head_dim] holds all Q, then all K, then all V.
inline Attention self_attention(ValueId qkv, std::int32_t heads, std::int32_t head_dim) {
  const std::int32_t hidden = heads * head_dim;
  Attention attention{.q = {qkv, 0}, .k = {qkv, hidden}, .v = {qkv, 2 * hidden}};
  attention.heads = attention.kv_heads = heads;
  attention.head_dim = head_dim;
  attention.scale = 1.0f / std::sqrt(static_cast<float>(head_dim));
  return attention;
}

}  // namespace op

/// The keys that query number `query` sees: [first, end).
struct Sight {
  std::int64_t first = 0, end = 0;
};
Sight sight_of(const op::Attention& op, std::int64_t query, std::int64_t queries, std::int64_t keys);

}  // namespace ipfs_accelerate
