// Questions asked of a graph: names, inputs and weights of an op, bound dimensions.
#include "graph/graph.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace ipfs_accelerate {
namespace {

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};

template <class Id>
std::vector<Id> present(std::initializer_list<Id> ids) {
  std::vector<Id> result;
  for (Id id : ids) {
    if (id >= 0) result.push_back(id);
  }
  return result;
}

}  // namespace

std::string_view op_name(const Op& op) {
  return std::visit([]<class T>(const T&) { return T::kName; }, op);
}

std::vector<ValueId> inputs_of(const Node& node) {
  return std::visit(Overloaded{
                        [](const op::Embed& o) { return present({o.ids, o.position_ids, o.type_ids}); },
                        [](const op::Linear& o) { return present({o.x, o.residual}); },
                        [](const op::LayerNorm& o) { return present({o.x, o.residual}); },
                        [](const op::Attention& o) { return present({o.qkv, o.mask, o.bias}); },
                        [](const op::RelativeBias&) { return std::vector<ValueId>{}; },
                        [](const op::Pool& o) { return present({o.x, o.mask}); },
                        [](const op::Normalize& o) { return present({o.x}); },
                        [](const op::SelectRows& o) { return present({o.x, o.rows}); },
                    },
                    node.op);
}

std::vector<WeightId> weights_of(const Node& node) {
  return std::visit(Overloaded{
                        [](const op::Embed& o) { return present({o.word, o.position, o.type, o.gamma, o.beta}); },
                        [](const op::Linear& o) { return present({o.weight, o.bias}); },
                        [](const op::LayerNorm& o) { return present({o.gamma, o.beta}); },
                        [](const op::RelativeBias& o) { return present({o.table}); },
                        [](const auto&) { return std::vector<WeightId>{}; },
                    },
                    node.op);
}

std::vector<WeightId> used_weights(const Graph& graph) {
  std::set<WeightId> ids;
  for (const Node& node : graph.nodes) ids.insert_range(weights_of(node));
  return {ids.begin(), ids.end()};
}

ValueId Graph::find(std::string_view value_name) const {
  auto found = std::ranges::find(values, value_name, &Value::name);
  return found == values.end() ? kNoValue : static_cast<ValueId>(found - values.begin());
}

Shape bind(const std::vector<Dim>& dims, const ShapeClass& shape) {
  Shape result;
  for (const Dim& d : dims) {
    switch (d.symbol) {
      case Symbol::kNone: result.push_back(d.size); break;
      case Symbol::kBatch: result.push_back(shape.batch); break;
      case Symbol::kSequence: result.push_back(shape.sequence); break;
      case Symbol::kRows: result.push_back(shape.rows); break;
    }
  }
  return result;
}

std::string dims_text(const std::vector<Dim>& dims) {
  std::string text = "[";
  for (const Dim& d : dims) {
    if (text.size() > 1) text += ", ";
    switch (d.symbol) {
      case Symbol::kNone: text += std::to_string(d.size); break;
      case Symbol::kBatch: text += "batch"; break;
      case Symbol::kSequence: text += "sequence"; break;
      case Symbol::kRows: text += "rows"; break;
    }
  }
  return text + "]";
}

std::int32_t relative_bucket(std::int64_t distance, const op::RelativeBias& bias) {
  std::int32_t buckets = bias.buckets, first = 0;
  std::int64_t n = -distance;
  if (bias.bidirectional) {
    buckets /= 2;
    if (n < 0) first = buckets;
    n = std::abs(n);
  } else {
    n = std::max<std::int64_t>(n, 0);
  }
  const std::int32_t exact = buckets / 2;
  if (n < exact) return first + static_cast<std::int32_t>(n);
  const float position = std::log(static_cast<float>(n) / static_cast<float>(exact)) /
                         static_cast<float>(std::log(static_cast<double>(bias.max_distance) / exact)) *
                         static_cast<float>(buckets - exact);
  return first + std::min(exact + static_cast<std::int32_t>(position), buckets - 1);
}

}  // namespace ipfs_accelerate
