// Operation vision_embed: its fields and its shape rule, and how a table of positions becomes one of another size.
#pragma once

#include <array>

#include "graph/field.h"

namespace ipfs_accelerate {

struct Graph;
class GraphBuilder;

namespace op {

/// Tokens of a picture: those of the prefix (class token), then its patches, each plus its position. The table has a
/// row for each token of the prefix, then a square grid row by row; for pictures with another grid it is interpolated
/// (bicubic, a = -0.75, pixels as areas, as torch with align_corners=False). x: [batch, rows * columns, hidden];
/// prefix: [n, hidden]; position: [n + side * side, hidden]; y: [batch, tokens, hidden].
struct VisionEmbed {
  static constexpr std::string_view kName = "vision_embed";
  ValueId x{};
  WeightId prefix{}, position{};
  Dim rows{}, columns{};  ///< of patches
  Dim tokens{};           ///< n more than patches

  static constexpr void fields(auto& self, auto&& visit) {
    visit("x", self.x);
    visit("prefix", self.prefix);
    visit("position", self.position);
    visit("rows", self.rows);
    visit("columns", self.columns);
    visit("tokens", self.tokens);
  }
  Result<std::vector<Dim>> infer(const Rule& rule) const;
};

}  // namespace op

/// The dimension of `patches` and `more` tokens: a symbol called tokens, or `patches` itself.
Dim tokens_of(GraphBuilder& builder, Dim patches, std::int64_t more);

/// What the table of positions holds.
struct PositionTable {
  std::int64_t prefix = 0;  ///< rows before the grid
  std::int64_t side = 0;    ///< of the grid
};
PositionTable position_table(const Graph& graph, const op::VisionEmbed& op);

/// Where along one axis an interpolated value comes from, and how much each place counts.
struct Taps {
  std::array<std::int32_t, 4> at{};
  std::array<float, 4> weight{};
};
/// For each of `to` places along an axis that has `from`.
std::vector<Taps> cubic_taps(std::int64_t from, std::int64_t to);

}  // namespace ipfs_accelerate
