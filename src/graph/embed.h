// Operation embed: its fields and its shape rule.
#pragma once

#include "graph/field.h"

namespace ipfs_accelerate {

namespace op {

/// y[b,s,:] = word[ids[b,s]] + position[position_ids[b,s]] + type[type_ids[b,s]], then LayerNorm when gamma is given.
/// A type table without type_ids: every token is of type 0.
/// ids, position_ids, type_ids: i32 [batch, sequence]. y: [batch, sequence, hidden].
struct Embed {
  static constexpr std::string_view kName = "embed";
  ValueId ids{}, position_ids{}, type_ids{};
  WeightId word{}, position{}, type{}, gamma{}, beta{};
  float epsilon = 1e-12f;

  static constexpr void fields(auto& self, auto&& visit) {
    visit("ids", self.ids);
    visit("position_ids", self.position_ids);
    visit("type_ids", self.type_ids);
    visit("word", self.word);
    visit("position", self.position);
    visit("type", self.type);
    visit("gamma", self.gamma);
    visit("beta", self.beta);
    visit("epsilon", self.epsilon);
  }
  Result<std::vector<Dim>> infer(const Rule& rule) const;
};

}  // namespace op

}  // namespace ipfs_accelerate
