// Operation patches: its fields and its shape rule, and the dimensions it makes.
#pragma once

#include "graph/field.h"

namespace ipfs_accelerate {

class GraphBuilder;

namespace op {

/// Square pieces of pictures, row by row, each flattened as a convolution's kernel [channels, size, size] is; what is
/// left at the right and at the bottom is not read. pixels: [batch, channels, height, width]; y: [batch, count,
/// channels
/// * size * size].
struct Patches {
  static constexpr std::string_view kName = "patches";
  ValueId pixels{};
  Dim rows{}, columns{};  ///< floor(height / size), floor(width / size)
  Dim count{};            ///< rows * columns
  std::int32_t size = 1;

  static constexpr void fields(auto& self, auto&& visit) {
    visit("pixels", self.pixels);
    visit("rows", self.rows);
    visit("columns", self.columns);
    visit("count", self.count);
    visit("size", self.size);
  }
  Result<std::vector<Dim>> infer(const Rule& rule) const;
};

}  // namespace op

/// Adds the symbols patch_rows, patch_columns and patches to the graph and gives the op that makes them.
op::Patches patches_of(GraphBuilder& builder, ValueId pixels, std::int32_t size);

}  // namespace ipfs_accelerate
