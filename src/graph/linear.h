// Operation linear: its fields and its shape rule.
#pragma once

#include "graph/field.h"

namespace ipfs_accelerate {

enum class Activation : std::uint8_t { kNone, kGelu, kGeluTanh, kRelu, kTanh, kSilu };
std::string_view name_of(Activation activation);  ///< "none", "gelu", "gelu_tanh" ...

namespace op {

/// y = activation(x W^T + bias) + residual. x: [..., k], W: [n, k], bias: [n], y and residual: [..., n].
struct Linear {
  static constexpr std::string_view kName = "linear";
  ValueId x{}, residual{};
  WeightId weight{}, bias{};
  Activation activation = Activation::kNone;

  static constexpr void fields(auto& self, auto&& visit) {
    visit("x", self.x);
    visit("residual", self.residual);
    visit("weight", self.weight);
    visit("bias", self.bias);
    visit("activation", self.activation);
  }
  Result<std::vector<Dim>> infer(const Rule& rule) const;
};

}  // namespace op

}  // namespace ipfs_accelerate
