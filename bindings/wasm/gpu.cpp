// Graphs as WebGPU recordings and WebNN call lists, and weights in the layout a device wants.
#include "abi.h"
#include "backend/webgpu/recording.h"
#include "backend/webnn/lowering.h"
#include "capabilities.h"

namespace ipfs_accelerate::wasm {

webgpu::Capabilities read_capabilities(const Json& json) {
  webgpu::Capabilities result;
  auto number = [&](const char* key, auto& field) {
    field = static_cast<std::remove_reference_t<decltype(field)>>(int_field(json, key, field));
  };
  result.shader_f16 = bool_field(json, "shader_f16", false);
  result.subgroups = bool_field(json, "subgroups", false);
  number("subgroup_min_size", result.subgroup_min_size);
  number("subgroup_max_size", result.subgroup_max_size);
  number("max_storage_binding", result.max_storage_binding);
  number("max_buffer", result.max_buffer);
  number("max_workgroup_storage", result.max_workgroup_storage);
  number("max_workgroup_invocations", result.max_workgroup_invocations);
  number("max_workgroups_per_dimension", result.max_workgroups_per_dimension);
  return result;
}

namespace {

Result<Json> record(const Graph& graph, const Json& json) {
  IA_ASSIGN(auto shape, shape_field(json));
  auto found = json.find("capabilities");
  auto capabilities = read_capabilities(found == json.end() ? Json::object() : *found);
  IA_ASSIGN(auto recording, webgpu::record(graph, shape, capabilities, load_options(json)));
  auto text = webgpu::to_json(recording);
  reply().bytes.assign(text.begin(), text.end());
  return Json::object();
}

Result<Json> lower(const Graph& graph, const Json& json) {
  IA_ASSIGN(auto shape, shape_field(json));
  auto limits = json.contains("limits") ? json["limits"].dump() : std::string("{}");
  IA_ASSIGN(auto text, webnn::lower(graph, shape, limits, load_options(json)));
  reply().bytes.assign(text.begin(), text.end());
  return Json::object();
}

Result<webgpu::Layout> layout_of(const std::string& name) {
  if (name == "f32") return webgpu::Layout::kF32;
  if (name == "f16") return webgpu::Layout::kF16;
  if (name == "i32") return webgpu::Layout::kI32;
  return fail(ErrorCode::kInvalidArgument, "layout '{}' is none of f32, f16, i32", name);
}

/// Takes the buffer description of a recording as it is.
Result<Json> pack(const Graph& graph, const Json& json) {
  webgpu::BufferSpec buffer;
  buffer.kind = webgpu::BufferKind::kWeight;
  buffer.index = static_cast<std::int32_t>(int_field(json, "index", -1));
  buffer.bytes = int_field(json, "size", 0);
  buffer.elements = int_field(json, "elements", 0);
  IA_ASSIGN(buffer.layout, layout_of(text_field(json, "layout")));
  if (buffer.index < 0 || static_cast<std::size_t>(buffer.index) >= graph.weights.size()) {
    return fail(ErrorCode::kInvalidArgument, "the graph has no weight {}", buffer.index);
  }
  IA_ASSIGN(auto parts, weight_parts(json));
  IA_ASSIGN(reply().bytes, webgpu::pack_weight(buffer, graph.weights[buffer.index], parts));
  return Json::object();
}

template <class Body>
int with_graph(int handle, const char* text, std::size_t size, Body body) {
  return answer(graphs().find(handle).and_then([&](Graph* graph) {
    return parse_object(text, size).and_then([&](const Json& json) { return body(*graph, json); });
  }));
}

}  // namespace
}  // namespace ipfs_accelerate::wasm

using namespace ipfs_accelerate::wasm;

/// {batch, sequence, rows, capabilities, precision} -> a recording (docs/recording.md) as JSON text in bytes.
IA_EXPORT int ia_record(int graph, const char* text, std::size_t size) { return with_graph(graph, text, size, record); }

/// {batch, sequence, rows, limits, precision} -> MLGraphBuilder calls (docs/webnn.md) as JSON text in bytes.
IA_EXPORT int ia_lower(int graph, const char* text, std::size_t size) { return with_graph(graph, text, size, lower); }

/// {index, size, elements, layout, parts: [{dtype, shape, pointer, bytes}]} -> the weight buffer's bytes.
IA_EXPORT int ia_pack_weight(int graph, const char* text, std::size_t size) {
  return with_graph(graph, text, size, pack);
}
