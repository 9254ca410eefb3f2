// The smallest numbers that a graph's formulas take.
#include "graph/typical_shape.h"

namespace ipfs_accelerate {
namespace {

/// Gives every base number that a formula reads.
void set_read(const Graph& graph, std::int64_t number, ShapeClass& shape) {
  for (const Symbol& symbol : graph.symbols) {
    for (const Factor& factor : symbol.formula.factors) {
      if (!factor.of.symbol || graph.symbol(factor.of.symbol).is_derived()) continue;
      shape.set(graph.symbol(factor.of.symbol).name, number);
    }
  }
}

}  // namespace

ShapeClass typical_shape(const Graph& graph, std::int64_t tokens) {
  constexpr std::int64_t kEnough = 1 << 20;
  ShapeClass shape;
  for (const Symbol& symbol : graph.symbols) {
    if (!symbol.is_derived()) shape.set(symbol.name, symbol.counts_tokens ? tokens : 1);
  }
  for (std::int64_t least = 2; least <= kEnough && !graph.check(shape); least *= 2) set_read(graph, least, shape);
  return shape;
}

}  // namespace ipfs_accelerate
