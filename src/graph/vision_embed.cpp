// Shape rule of vision_embed, and bicubic interpolation along one axis.
#include <algorithm>
#include <cmath>

#include "graph/rule.h"

namespace ipfs_accelerate {
namespace {

/// Of a grid with so many places; 0 when it is no square.
std::int64_t side_of(std::int64_t places) {
  if (places < 1) return 0;
  const std::int64_t side = std::llround(std::sqrt(static_cast<double>(places)));
  return side * side == places ? side : 0;
}

}  // namespace

Result<Dims> op::VisionEmbed::infer(const Rule& rule) const {
  IA_ASSIGN(Dims dims, rule.value(x, "x", Dtype::kF32, 3));
  IA_ASSIGN(const std::int64_t hidden, rule.columns(dims, "x"));
  IA_ASSIGN(const Shape table, rule.matrix(position, "position table"));
  Shape first{0, hidden};
  if (prefix) {
    IA_ASSIGN(first, rule.matrix(prefix, "prefix"));
  }
  if (first[1] != hidden || table[1] != hidden) {
    return rule.wrong("x has {} columns, prefix {} and position table {}", hidden, first[1], table[1]);
  }
  if (side_of(table[0] - first[0]) == 0) {
    return rule.wrong("position table {} with {} rows for the prefix leaves no square grid", shape_text(table),
                      first[0]);
  }
  IA_TRY(rule.follows(dims[1], {{{rows}, {columns}}}, "patches"));
  if (first[0] > 0) IA_TRY(rule.follows(tokens, {{{dims[1]}}, first[0]}, "tokens"));
  if (first[0] == 0 && tokens != dims[1]) return rule.wrong("tokens are not the patches, and there is no prefix");
  dims[1] = tokens;
  return dims;
}

Dim tokens_of(GraphBuilder& builder, Dim patches, std::int64_t more) {
  if (more == 0) return patches;
  return builder.symbol({.name = "tokens", .counts_tokens = true, .formula = {{{patches}}, more}});
}

PositionTable position_table(const Graph& graph, const op::VisionEmbed& op) {
  const std::int64_t prefix = op.prefix ? graph.weight(op.prefix).shape[0] : 0;
  return {prefix, side_of(graph.weight(op.position).shape[0] - prefix)};
}

namespace {

/// The cubic convolution kernel with a = -0.75.
double cubic(double distance) {
  constexpr double a = -0.75;
  const double x = std::abs(distance);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

Taps taps_at(double place, std::int64_t from) {
  Taps taps;
  const double first = std::floor(place) - 1;
  for (std::size_t i = 0; i < 4; ++i) {
    const double at = first + static_cast<double>(i);
    taps.at[i] = static_cast<std::int32_t>(std::clamp(at, 0.0, static_cast<double>(from - 1)));
    taps.weight[i] = static_cast<float>(cubic(place - at));
  }
  return taps;
}

}  // namespace

std::vector<Taps> cubic_taps(std::int64_t from, std::int64_t to) {
  std::vector<Taps> taps;
  for (std::int64_t i = 0; i < to; ++i) {
    const double scale = static_cast<double>(from) / static_cast<double>(to);
    taps.push_back(taps_at((static_cast<double>(i) + 0.5) * scale - 0.5, from));
  }
  return taps;
}

}  // namespace ipfs_accelerate
