// Batch: tensors for one computation of a part of a model.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "graph/graph.h"

namespace ipfs_accelerate {

using NamedTensor = std::pair<std::string, Tensor>;  ///< by a graph's input or output
/// An i32 input [rows, the longest] whose rows have lengths of their own.
using Rows = std::vector<std::vector<std::int32_t>>;

/// Every graph input once, as a tensor or as rows. What rows lack is filled by the engine, as the graph says (Growth).
struct Batch {
  ShapeClass shape;
  std::vector<NamedTensor> inputs{};
  std::vector<std::pair<std::string, Rows>> rows{};

  void add(std::string name, Tensor tensor) { inputs.emplace_back(std::move(name), std::move(tensor)); }
  void add(std::string name, Rows of) { rows.emplace_back(std::move(name), std::move(of)); }

  Tensor* find(std::string_view name) { return found(inputs, name); }
  const Tensor* find(std::string_view name) const { return found(inputs, name); }
  const Rows* find_rows(std::string_view name) const { return found(rows, name); }

 private:
  static auto* found(auto& pairs, std::string_view name) {
    const auto at = std::ranges::find(pairs, name, [](const auto& pair) -> std::string_view { return pair.first; });
    return at == pairs.end() ? nullptr : &at->second;
  }
};

}  // namespace ipfs_accelerate
