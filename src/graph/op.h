// Op: every operation, and what follows from the description of its fields.
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "graph/attention.h"
#include "graph/embed.h"
#include "graph/layer_norm.h"
#include "graph/linear.h"
#include "graph/normalize.h"
#include "graph/patches.h"
#include "graph/pool.h"
#include "graph/relative_bias.h"
#include "graph/select_rows.h"
#include "graph/vision_embed.h"

namespace ipfs_accelerate {

/// Adding one: a header with its fields, a file with its shape rule, a row here, and a file in each backend.
using Op = std::variant<op::Embed, op::Linear, op::LayerNorm, op::Attention, op::RelativeBias, op::Pool, op::Normalize,
                        op::SelectRows, op::Patches, op::VisionEmbed>;

std::string_view op_name(const Op& op);
std::vector<ValueId> inputs_of(const Op& op);    ///< present ones only, each once, in declaration order
std::vector<WeightId> weights_of(const Op& op);  ///< alike

namespace fields {

struct Anything {
  template <class T>
  operator T() const;
};
/// How many members an aggregate has.
template <class T, class... Given>
constexpr std::size_t member_count() {
  if constexpr (requires { T{Given{}..., Anything{}}; }) {
    return member_count<T, Given..., Anything>();
  } else {
    return sizeof...(Given);
  }
}
template <class T>
constexpr std::size_t described_count() {
  std::size_t count = 0;
  constexpr T op{};
  T::fields(op, [&](std::string_view, const auto&) { ++count; });
  return count;
}
template <class... Ops>
constexpr bool all_described(std::variant<Ops...>*) {
  return ((member_count<Ops>() == described_count<Ops>()) && ...);
}
static_assert(all_described(static_cast<Op*>(nullptr)), "an op has a member that its fields() does not visit");

}  // namespace fields
}  // namespace ipfs_accelerate
