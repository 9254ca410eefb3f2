// The plan dump: everything known about a run before any weight is read.
#include <nlohmann/json.hpp>

#include "engine/pipeline.h"
#include "tensor/format.h"

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::json;

Json value_json(const Graph& graph, ValueId id, const ShapeClass& shape) {
  const Value& value = graph.value(id);
  return {{"name", value.name}, {"dtype", dtype_name(value.dtype)}, {"shape", graph.shape_of(id, shape)}};
}

Json values_json(const Graph& graph, const std::vector<ValueId>& ids, const ShapeClass& shape) {
  Json list = Json::array();
  for (ValueId id : ids) list.push_back(value_json(graph, id, shape));
  return list;
}

Json segment_json(const Segment& segment, const ShapeClass& shape) {
  Json nodes = Json::array();
  for (const Node& node : segment.graph->nodes) {
    const Value& output = segment.graph->value(node.output);
    nodes.push_back({{"name", node.name},
                     {"op", op_name(node.op)},
                     {"output", output.name},
                     {"shape", segment.graph->shape_of(node.output, shape)}});
  }
  return {
      {"part", segment.part}, {"platform", segment.platform}, {"nodes", std::move(nodes)}, {"reason", segment.reason}};
}

/// One weight as the files store it.
Json weight_json(const Weight& weight, const TensorTable& tensors) {
  std::int64_t bytes = 0;
  std::string_view dtype;
  for (const std::string& part : weight.parts) {
    const auto found = tensors.find(part);
    if (found == tensors.end()) continue;
    dtype = dtype_name(found->second.dtype);
    bytes += byte_count(found->second.dtype, found->second.shape).value_or(0);
  }
  return {{"name", weight.name}, {"parts", weight.parts}, {"shape", weight.shape}, {"dtype", dtype}, {"bytes", bytes}};
}

}  // namespace

Result<Json> Pipeline::explain(const Plan& plan, const ShapeClass& shape, const TensorTable& tensors,
                               const Memory& memory) const {
  std::vector<const Graph*> graphs;
  for (const Part& part : parts()) {
    if (!part.on_demand) graphs.push_back(&part.graph);
  }
  IA_ASSIGN(const Graph all, present(join(graphs), shape));
  Json segments = Json::array(), weights = Json::array();
  for (const Segment& segment : plan.segments) {
    if (!segment.on_demand) segments.push_back(segment_json(segment, shape));
  }
  for (WeightId id : used_weights(all)) weights.push_back(weight_json(all.weight(id), tensors));
  return Json{{"task", task_->name},
              {"answer_kind", answer_kind_name(task_->gives)},
              {"takes", task_->takes.names()},
              {"architecture", facts().architecture},
              {"shape", shape.numbers()},
              {"absent", shape.absent()},
              {"segments", std::move(segments)},
              {"weights", std::move(weights)},
              {"weight_bytes", memory.weights},
              {"state_bytes", memory.states},
              {"activation_bytes", memory.activations},
              {"inputs", values_json(all, all.inputs, shape)},
              {"outputs", values_json(all, all.outputs, shape)}};
}

}  // namespace ipfs_accelerate
