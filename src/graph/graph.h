// The graph: coarse transformer operations over named values, with symbolic shapes and weights by name.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graph/op.h"
#include "tensor/tensor.h"

namespace ipfs_accelerate {

/// How an input grows to a larger shape class: its numbers stay where they are, the rest is filled.
struct Growth {
  std::int32_t filler = 0;
  std::int32_t first = 0;  ///< in place of the filler, at the start of each new entry of dimension 0
  /// The numbers are places in a value of these dimensions, flattened, and change as it grows.
  std::vector<Dim> places_in{};
};

struct Value {
  std::string name;
  Dtype dtype = Dtype::kF32;  ///< kF32 or kI32; a backend may keep kF32 values in f16
  std::vector<Dim> dims;
  Growth growth{};        ///< of inputs
  StateId state{};        ///< a version of this state: it lies there, and there only
  bool optional = false;  ///< of inputs: a shape class may leave it out (present())
};

/// What stays on the device from run to run: pages of rows, f32 for the graph, in whatever format a backend keeps them.
/// Ops write it in place; each makes a new version, a value of its own, so that the order of work is in the graph.
struct State {
  std::string name;
  ValueId first;  ///< the version at the start of a run: [pages, rows of a page, columns], `pages` a symbol
};

/// How the parts of a weight lie in their file. Backends see the graph's shape only: arrange_part() comes before them.
enum class Stored : std::uint8_t {
  kSame,       ///< as in the graph
  kReshaped,   ///< in another shape with as many elements: a convolution's kernel that is a matrix here
  kTransposed  ///< as [columns, rows] of a matrix that is [rows, columns] here
};

/// A weight the graph needs: one stored tensor, or several of equal row length stacked along dimension 0 (Q, K, V).
struct Weight {
  std::string name;                ///< the first part's name, or a joined name for a stack
  std::vector<std::string> parts;  ///< stored tensor names, in order
  Shape shape;                     ///< after stacking
  Stored stored = Stored::kSame;   ///< of every part
};

struct Node {
  std::string name;  ///< where in the model: "encoder.layer.0.attention"
  Op op;
  ValueId output;
};

inline constexpr std::int64_t kPageRows = 16;

/// Nodes are in execution order. inputs and outputs name values from outside and for outside.
struct Graph {
  std::vector<Symbol> symbols;
  std::vector<Value> values;
  std::vector<Weight> weights;
  std::vector<State> states;
  std::vector<Node> nodes;
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;

  ValueId find(std::string_view value_name) const;  ///< kNoValue when absent
  const Symbol& symbol(SymbolId id) const { return symbols[id.index()]; }
  const Value& value(ValueId id) const { return values[id.index()]; }
  const Weight& weight(WeightId id) const { return weights[id.index()]; }

  /// kInvalidArgument when the graph cannot have the numbers: one below 1, derived ones too; kLimitExceeded for more
  /// than 2^48 elements in a value.
  Result<> check(const ShapeClass& shape) const;
  /// The number of every symbol, in the order of the table.
  std::vector<std::int64_t> numbers(const ShapeClass& shape) const;
  std::int64_t bind(const Dim& dim, const ShapeClass& shape) const;
  Shape bind(const std::vector<Dim>& dims, const ShapeClass& shape) const;
  Shape shape_of(ValueId id, const ShapeClass& shape) const { return bind(value(id).dims, shape); }
  std::string dims_text(const std::vector<Dim>& dims) const;  ///< "[batch, sequence, 384]"
  std::string formula_text(const Formula& formula) const;     ///< "floor(height / 16) * floor(width / 16) + 1"
};

/// States that the nodes read or write, ascending.
std::vector<StateId> used_states(const Graph& graph);

/// A graph of a model that is run by itself: "encoder", "decoder". The parts of a model share their tables: symbols,
/// values, weights and states have the same ids in all of them.
struct Part {
  std::string name;
  Graph graph;
  bool on_demand = false;  ///< few runs need it: compiled by the first that does, and not said to be taken before
};

/// The nodes of several graphs that share their tables, as one graph.
Graph join(const std::vector<const Graph*>& graphs);

/// Weights the nodes read, ascending. A slice keeps the whole table but uses only some of it.
std::vector<WeightId> used_weights(const Graph& graph);

/// Builds a graph node by node; shapes and dtypes are checked and inferred at each step.
/// The first mistake is kept and returned by finish(), so builders read straight through.
class GraphBuilder {
 public:
  /// The symbol of that name; made like `wanted` when there is none yet. Its formula must be that of `wanted`.
  Dim symbol(Symbol wanted);
  /// Several parts may have the same input.
  ValueId input(std::string name, Dtype dtype, std::vector<Dim> dims, Growth growth = {});
  /// One that a shape class may leave out: the ops that read it must be able to do without.
  ValueId optional_input(std::string name, Dtype dtype, std::vector<Dim> dims, Growth growth = {});
  /// One stored tensor, or a stack of them; equal names give the same id. `shape` is checked by the weight loader.
  WeightId weight(const std::string& name, Shape shape, Stored stored = Stored::kSame);
  WeightId stack(std::vector<std::string> names, Shape shape, Stored stored = Stored::kSame);
  /// Its version at the start of a run. Pages have kPageRows rows; `pages`: how many, as a symbol.
  ValueId state(std::string name, Symbol pages, std::int64_t columns);
  /// Adds a node; its output value has the node's name. kNoValue after a mistake.
  ValueId add(std::string node_name, Op op);
  /// Makes `value` an output called `name`. A value can be an output once only.
  void output(ValueId value, std::string name);
  void fail(Error error);
  /// What was added since the last part is one; what follows is another.
  void end_part(std::string name, bool on_demand = false);
  const Graph& unfinished() const { return graph_; }
  Result<std::vector<Part>> finish_parts();
  Result<Graph> finish();  ///< of a model of one part

 private:
  ValueId add_input(Value wanted);
  ValueId input_again(const Value& wanted);
  std::vector<Part> parts_;
  Graph graph_;
  std::optional<Error> error_;
};

/// Output dims of an op, or why its inputs do not fit.
Result<std::vector<Dim>> infer(const Graph& graph, const Op& op);

/// The part of `graph` that computes nodes [begin, end): same ids for values and weights, its own inputs and outputs.
/// Values that cross the border become inputs and outputs, with their names kept; the graph's own inputs and outputs
/// come first, in their order.
Graph slice(const Graph& graph, std::size_t begin, std::size_t end);

/// The graph without the inputs that the shape class leaves out: the ops that read them lose those fields; ids stay.
/// Inputs are known by the table of values, so those that only another slice or part reads may be named too.
/// kInvalidArgument when a name is no optional input, or when an op cannot do without it.
Result<Graph> present(const Graph& graph, const ShapeClass& shape);

}  // namespace ipfs_accelerate
