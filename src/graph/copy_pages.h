// Operation copy_pages: its fields and its shape rule.
#pragma once

#include "graph/field.h"

namespace ipfs_accelerate {

namespace op {

/// Copies whole pages of a state: page from[i] to page to[i]. No page may be both read and written, but for pairs of
/// equal numbers, which do nothing. from, to: i32 [copies]; y: the state, afterwards.
struct CopyPages {
  static constexpr std::string_view kName = "copy_pages";
  ValueId state{}, from{}, to{};

  static constexpr void fields(auto& self, auto&& visit) {
    visit("state", self.state);
    visit("from", self.from);
    visit("to", self.to);
  }
  Result<std::vector<Dim>> infer(const Rule& rule) const;
};

}  // namespace op

}  // namespace ipfs_accelerate
