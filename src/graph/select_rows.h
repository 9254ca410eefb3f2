// Operation select_rows: its fields and its shape rule.
#pragma once

#include "graph/field.h"

namespace ipfs_accelerate {

namespace op {

/// y[r,:] = x flattened to [batch * sequence, hidden] at row rows[r]. rows: i32 [rows]; y: [rows, hidden].
struct SelectRows {
  static constexpr std::string_view kName = "select_rows";
  ValueId x{}, rows{};

  static constexpr void fields(auto& self, auto&& visit) {
    visit("x", self.x);
    visit("rows", self.rows);
  }
  Result<std::vector<Dim>> infer(const Rule& rule) const;
};

}  // namespace op

}  // namespace ipfs_accelerate
