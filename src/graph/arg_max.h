// Operation arg_max: its fields and its shape rule.
#pragma once

#include "graph/field.h"
#include "tensor/tensor.h"

namespace ipfs_accelerate {

namespace op {

/// y[r] = the index of the largest number of row r, the lowest among equals. x: [rows, columns]; y: i32 [rows].
/// -1 for a row with a NaN, and for one whose largest number is infinite, of either sign: nothing was chosen.
struct ArgMax {
  static constexpr std::string_view kName = "arg_max";
  static constexpr Dtype kOutput = Dtype::kI32;
  ValueId x{};

  static constexpr void fields(auto& self, auto&& visit) { visit("x", self.x); }
  Result<std::vector<Dim>> infer(const Rule& rule) const;
};

}  // namespace op

}  // namespace ipfs_accelerate
