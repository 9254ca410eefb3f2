// Operation append: its fields and its shape rule.
#pragma once

#include "graph/field.h"

namespace ipfs_accelerate {

/// Some columns of a value: those of its last dimension from `first` on, as many as the reader needs.
struct Columns {
  ValueId value{};
  std::int32_t first = 0;
};

/// Where the rows of sequences lie in a state, and how many there are.
struct Paging {
  ValueId table{};    ///< i32 [batch, n]: the pages of each sequence, in order
  ValueId lengths{};  ///< i32 [batch]: rows before this run
  ValueId counts{};   ///< i32 [batch]: rows that this run adds; absent: none
};

namespace op {

/// Writes rows of x, as many columns as the state has, into the pages of their sequences: row i of sequence b, for i <
/// counts[b], becomes its row number lengths[b] + i. Rows beyond counts are padding and are not written. x: columns of
/// [batch, rows, ...]. y: the state, afterwards.
struct Append {
  static constexpr std::string_view kName = "append";
  Columns x{};
  ValueId state{};
  Paging paging{};

  static constexpr void fields(auto& self, auto&& visit) {
    visit("x", self.x);
    visit("state", self.state);
    visit("paging", self.paging);
  }
  Result<std::vector<Dim>> infer(const Rule& rule) const;
};

}  // namespace op

}  // namespace ipfs_accelerate
