// Op: every operation, and what follows from the description of its fields.
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "graph/append.h"
#include "graph/arg_max.h"
#include "graph/attention.h"
#include "graph/copy_pages.h"
#include "graph/distance_bias.h"
#include "graph/embed.h"
#include "graph/gate.h"
#include "graph/layer_norm.h"
#include "graph/linear.h"
#include "graph/normalize.h"
#include "graph/patches.h"
#include "graph/pool.h"
#include "graph/relative_bias.h"
#include "graph/rms_norm.h"
#include "graph/rope.h"
#include "graph/scale.h"
#include "graph/select_rows.h"
#include "graph/soft_cap.h"
#include "graph/vision_embed.h"

namespace ipfs_accelerate {

/// Adding one: a header with its fields, a file with its shape rule, a row here, and a file in each backend.
using Op = std::variant<op::Embed, op::Linear, op::LayerNorm, op::Attention, op::RelativeBias, op::Pool, op::Normalize,
                        op::SelectRows, op::Scale, op::RmsNorm, op::Gate, op::ArgMax, op::DistanceBias, op::Append,
                        op::CopyPages, op::Patches, op::VisionEmbed, op::Rope, op::SoftCap>;

std::string_view op_name(const Op& op);
Dtype output_dtype(const Op& op);                ///< kF32 unless the op has another kOutput
std::vector<ValueId> inputs_of(const Op& op);    ///< present ones only, each once, in declaration order
std::vector<WeightId> weights_of(const Op& op);  ///< alike
/// The op with kNoValue in every field that names one of these.
Op without(Op op, const std::vector<ValueId>& values);
ValueId written_state(const Op& op);  ///< the version of a state that the op makes a new one of, or none

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
