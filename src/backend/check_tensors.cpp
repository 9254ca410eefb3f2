// Compares count, dtype and size of each tensor with the graph's values.
#include "backend/check_tensors.h"

#include <utility>

#include "tensor/format.h"

namespace ipfs_accelerate {
namespace {

Result<> check_one(const Graph& graph, ValueId id, const ShapeClass& shape, std::string_view what, Dtype dtype,
                   std::size_t bytes) {
  const Value& value = graph.value(id);
  const Shape bound = graph.shape_of(id, shape);
  IA_ASSIGN(const std::int64_t needed, byte_count(value.dtype, bound));
  if (dtype == value.dtype && std::cmp_equal(bytes, needed)) return {};
  return fail(ErrorCode::kInvalidArgument, "{} '{}' has {} bytes of {}; {} {} takes {} bytes", what, value.name, bytes,
              dtype_name(dtype), dtype_name(value.dtype), shape_text(bound), needed);
}

}  // namespace

Result<> check_tensors(const Graph& graph, const ShapeClass& shape, std::span<const TensorRef> inputs,
                       std::span<const MutableTensorRef> outputs) {
  if (inputs.size() != graph.inputs.size() || outputs.size() != graph.outputs.size()) {
    return fail(ErrorCode::kInvalidArgument, "the graph has {} inputs and {} outputs, {} and {} were given",
                graph.inputs.size(), graph.outputs.size(), inputs.size(), outputs.size());
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    IA_TRY(check_one(graph, graph.inputs[i], shape, "input", inputs[i].dtype, inputs[i].bytes.size()));
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].bytes.empty()) continue;
    IA_TRY(check_one(graph, graph.outputs[i], shape, "output", outputs[i].dtype, outputs[i].bytes.size()));
  }
  return {};
}

}  // namespace ipfs_accelerate
