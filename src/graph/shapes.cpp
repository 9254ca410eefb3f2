// Shapes of a graph: the numbers of its symbols, base and derived, and dimensions bound to them.
#include <algorithm>
#include <cstdlib>

#include "graph/graph.h"

namespace ipfs_accelerate {
namespace {

/// Where formulas stop: beyond what any value may hold, and far from where 64 bits end.
constexpr std::int64_t kMost = std::int64_t{1} << 52;

std::int64_t floor_divide(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

/// Negative when one of them is.
std::int64_t times(std::int64_t a, std::int64_t b) {
  const std::int64_t x = std::abs(a), y = std::abs(b);
  const std::int64_t product = x != 0 && y > kMost / x ? kMost : x * y;
  return a < 0 || b < 0 ? -product : product;
}

std::int64_t bound(std::int64_t number) { return std::clamp(number, -kMost, kMost); }

/// `numbers`: of the symbols that come before it.
std::int64_t value_of(const Formula& formula, const std::vector<std::int64_t>& numbers) {
  std::int64_t product = 1;
  for (const Factor& factor : formula.factors) {
    const std::int64_t of = factor.of.symbol ? numbers[factor.of.symbol.index()] : factor.of.size;
    product = times(product, floor_divide(bound(bound(of) + factor.add), factor.divide));
  }
  return bound(product + formula.plus);
}

/// The numbers of `count` symbols.
std::vector<std::int64_t> first_numbers(const Graph& graph, std::size_t count, const ShapeClass& shape) {
  std::vector<std::int64_t> numbers;
  for (std::size_t i = 0; i < count; ++i) {
    const Symbol& symbol = graph.symbols[i];
    numbers.push_back(symbol.is_derived() ? value_of(symbol.formula, numbers) : shape.at(symbol.name));
  }
  return numbers;
}

std::string dim_text(const Graph& graph, const Dim& dim) {
  return dim.symbol ? graph.symbol(dim.symbol).name : std::to_string(dim.size);
}

std::string factor_text(const Graph& graph, const Factor& factor) {
  std::string text = dim_text(graph, factor.of);
  if (factor.add != 0) text = std::format("({} {} {})", text, factor.add < 0 ? '-' : '+', std::abs(factor.add));
  return factor.divide == 1 ? text : std::format("floor({} / {})", text, factor.divide);
}

/// "height 5, width 40": what a formula reads.
std::string read_by(const Graph& graph, const Formula& formula, const std::vector<std::int64_t>& numbers) {
  std::string text;
  std::vector<SymbolId> told;
  for (const Factor& factor : formula.factors) {
    if (!factor.of.symbol || std::ranges::contains(told, factor.of.symbol)) continue;
    told.push_back(factor.of.symbol);
    text += std::format("{}{} {}", text.empty() ? "" : ", ", graph.symbol(factor.of.symbol).name,
                        numbers[factor.of.symbol.index()]);
  }
  return text;
}

Result<> check_symbol(const Graph& graph, const Symbol& symbol, std::int64_t number,
                      const std::vector<std::int64_t>& numbers) {
  if (number >= 1) return {};
  if (!symbol.is_derived()) {
    return fail(ErrorCode::kInvalidArgument, "{} is {}, at least 1 is needed", symbol.name, number);
  }
  return fail(ErrorCode::kInvalidArgument, "{} = {} is {} with {}; at least 1 is needed, so give a larger input",
              symbol.name, graph.formula_text(symbol.formula), number, read_by(graph, symbol.formula, numbers));
}

}  // namespace

std::vector<std::int64_t> Graph::numbers(const ShapeClass& shape) const {
  return first_numbers(*this, symbols.size(), shape);
}

Result<> Graph::check(const ShapeClass& shape) const {
  const std::vector<std::int64_t> all = numbers(shape);
  for (std::size_t i = 0; i < symbols.size(); ++i) IA_TRY(check_symbol(*this, symbols[i], all[i], all));
  for (const Value& value : values) {
    if (auto count = element_count(bind(value.dims, shape)); !count) {
      return while_doing(count.error(), "giving '{}' its shape", value.name);
    }
  }
  return {};
}

std::int64_t Graph::bind(const Dim& dim, const ShapeClass& shape) const {
  if (!dim.symbol) return dim.size;
  const Symbol& known = symbol(dim.symbol);
  return known.is_derived() ? first_numbers(*this, dim.symbol.index() + 1, shape).back() : shape.at(known.name);
}

Shape Graph::bind(const std::vector<Dim>& dims, const ShapeClass& shape) const {
  Shape bound;
  for (const Dim& dim : dims) bound.push_back(bind(dim, shape));
  return bound;
}

std::string Graph::dims_text(const std::vector<Dim>& dims) const {
  std::string text = "[";
  for (const Dim& dim : dims) text += (text.size() > 1 ? ", " : "") + dim_text(*this, dim);
  return text + "]";
}

std::string Graph::formula_text(const Formula& formula) const {
  std::string text;
  for (const Factor& factor : formula.factors) text += (text.empty() ? "" : " * ") + factor_text(*this, factor);
  if (formula.plus == 0) return text;
  return std::format("{} {} {}", text, formula.plus < 0 ? '-' : '+', std::abs(formula.plus));
}

}  // namespace ipfs_accelerate
