// ModelBuilder: a GraphBuilder that finds stored tensors under the names that published repositories use.
#pragma once

#include "graph/graph.h"

namespace ipfs_accelerate {

/// Names are tried with and without the architecture's prefix ("bert."), and norms also under gamma and beta.
/// A tensor that is missing (kMissingWeight), has another shape (kWrongShape) or no float dtype (kUnsupportedDtype)
/// becomes the builder's mistake; the message has the name and both shapes.
class ModelBuilder : public GraphBuilder {
 public:
  ModelBuilder(const TensorTable& tensors, std::string prefix) : tensors_(tensors), prefix_(std::move(prefix)) {}

  bool has(const std::string& name) const { return find(name) != nullptr; }
  const TensorInfo* find(const std::string& name) const;  ///< null when absent
  WeightId stored(const std::string& name, Shape shape);
  /// Several tensors of the same shape, stacked along dimension 0. kTransposed: stored as [columns, rows] of `each`.
  WeightId stored_stack(const std::vector<std::string>& names, Shape each, Stored stored = Stored::kSame);
  /// Matrices with different numbers of rows and equal rows, one below the other: {name, rows} each.
  WeightId stored_rows(const std::vector<std::pair<std::string, std::int64_t>>& parts, std::int64_t columns);
  /// A tensor stored in the shape `in_file`, which the graph reads in another one with as many elements.
  WeightId reshaped(const std::string& name, const Shape& in_file, Shape shape);
  /// A matrix [rows, columns], stored as [columns, rows].
  WeightId transposed(const std::string& name, std::int64_t rows, std::int64_t columns);

  /// activation(x W^T + b) + residual with the tensors base.weight [rows, columns] and base.bias [rows].
  ValueId linear(const std::string& node, ValueId x, const std::string& base, std::int64_t rows, std::int64_t columns,
                 Activation activation = Activation::kNone, ValueId residual = kNoValue);
  ValueId layer_norm(const std::string& node, ValueId x, const std::string& base, std::int64_t columns, float epsilon);

 private:
  std::string check(const std::string& name, const Shape& shape);  ///< the stored name, or empty after a mistake
  const TensorTable& tensors_;
  std::string prefix_;
};

}  // namespace ipfs_accelerate
