// The fields of every op by name, so that graphs can be written as JSON and read back by one list.
#pragma once

#include <type_traits>

#include "graph/graph.h"

namespace ipfs_accelerate::wasm {

/// Calls visit(name, field) for each field of an op. Ids, enumerations and counts are whole numbers.
template <class Op, class Visit>
void op_fields(Op& o, Visit visit) {
  using Type = std::remove_const_t<Op>;
  if constexpr (std::is_same_v<Type, op::Embed>) {
    visit("ids", o.ids), visit("position_ids", o.position_ids), visit("type_ids", o.type_ids);
    visit("word", o.word), visit("position", o.position), visit("type", o.type);
    visit("gamma", o.gamma), visit("beta", o.beta), visit("epsilon", o.epsilon);
  } else if constexpr (std::is_same_v<Type, op::Linear>) {
    visit("x", o.x), visit("residual", o.residual), visit("weight", o.weight), visit("bias", o.bias);
    visit("activation", o.activation);
  } else if constexpr (std::is_same_v<Type, op::LayerNorm>) {
    visit("x", o.x), visit("residual", o.residual);
    visit("gamma", o.gamma), visit("beta", o.beta), visit("epsilon", o.epsilon);
  } else if constexpr (std::is_same_v<Type, op::Attention>) {
    visit("qkv", o.qkv), visit("mask", o.mask), visit("bias", o.bias);
    visit("heads", o.heads), visit("head_dim", o.head_dim), visit("scale", o.scale);
  } else if constexpr (std::is_same_v<Type, op::RelativeBias>) {
    visit("table", o.table), visit("buckets", o.buckets), visit("max_distance", o.max_distance);
    visit("bidirectional", o.bidirectional);
  } else if constexpr (std::is_same_v<Type, op::Pool>) {
    visit("x", o.x), visit("mask", o.mask), visit("mode", o.mode);
  } else if constexpr (std::is_same_v<Type, op::Normalize>) {
    visit("x", o.x), visit("epsilon", o.epsilon);
  } else {
    static_assert(std::is_same_v<Type, op::SelectRows>, "list the fields of the new op here");
    visit("x", o.x), visit("rows", o.rows);
  }
}

}  // namespace ipfs_accelerate::wasm
