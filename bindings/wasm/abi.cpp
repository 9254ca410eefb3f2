// The reply slot, memory for the page's bytes, and reading of common JSON fields.
#include "abi.h"

#include <cstdlib>
#include <cstring>
#include <set>

namespace ipfs_accelerate::wasm {

Reply& reply() {
  static Reply slot;
  return slot;
}

static std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

int answer(const Result<Json>& result) {
  if (result) {
    reply().json = dump(*result);
    return 0;
  }
  reply().bytes = {};
  reply().json = dump({{"code", error_name(result.error().code)}, {"message", result.error().message}});
  return static_cast<int>(result.error().code);
}

Result<Json> parse_object(const char* text, std::size_t size) {
  auto json = Json::parse(text, text + size, nullptr, false);
  if (!json.is_object()) return fail(ErrorCode::kInvalidArgument, "the argument is no JSON object");
  return json;
}

std::int64_t int_field(const Json& object, std::string_view key, std::int64_t fallback) {
  auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<std::int64_t>() : fallback;
}

bool bool_field(const Json& object, std::string_view key, bool fallback) {
  auto found = object.find(key);
  return found != object.end() && found->is_boolean() ? found->get<bool>() : fallback;
}

std::string text_field(const Json& object, std::string_view key) {
  auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Result<ShapeClass> shape_field(const Json& object) {
  ShapeClass shape{int_field(object, "batch", 0), int_field(object, "sequence", 0), int_field(object, "rows", 1)};
  if (shape.rows == 0) shape.rows = 1;
  if (shape.batch < 1 || shape.sequence < 1 || shape.rows < 1) {
    return fail(ErrorCode::kInvalidArgument, "batch {} and sequence {} must be at least 1", shape.batch,
                shape.sequence);
  }
  return shape;
}

Json shape_json(const ShapeClass& shape) {
  return {{"batch", shape.batch}, {"sequence", shape.sequence}, {"rows", shape.rows}};
}

LoadOptions load_options(const Json& object) {
  return {static_cast<int>(int_field(object, "precision", 32)), static_cast<int>(int_field(object, "threads", 0))};
}

static Result<WeightPart> weight_part(const Json& item) {
  WeightPart part;
  IA_ASSIGN(part.dtype, dtype_from_name(text_field(item, "dtype")));
  auto dims = item.find("shape");
  if (dims == item.end() || !dims->is_array()) return fail(ErrorCode::kInvalidArgument, "a weight part has no shape");
  for (const auto& dim : *dims) part.shape.push_back(dim.is_number() ? dim.get<std::int64_t>() : -1);
  IA_ASSIGN(auto elements, element_count(part.shape));
  auto bytes = static_cast<std::size_t>(int_field(item, "bytes", 0));
  auto expected = static_cast<std::size_t>(elements) * dtype_size(part.dtype);
  if (bytes != expected) {
    return fail(ErrorCode::kMalformedWeights, "a weight part {} of {} has {} bytes instead of {}",
                shape_text(part.shape), dtype_name(part.dtype), bytes, expected);
  }
  part.bytes = {reinterpret_cast<const std::uint8_t*>(static_cast<std::uintptr_t>(int_field(item, "pointer", 0))),
                bytes};
  if (auto finite = check_finite(text_field(item, "name"), part.dtype, part.bytes); !finite) {
    return std::unexpected(finite.error());
  }
  return part;
}

Result<std::vector<WeightPart>> weight_parts(const Json& object) {
  std::vector<WeightPart> parts;
  auto list = object.find("parts");
  if (list == object.end() || !list->is_array()) return fail(ErrorCode::kInvalidArgument, "no parts are given");
  for (const auto& item : *list) {
    IA_ASSIGN(auto part, weight_part(item));
    parts.push_back(std::move(part));
  }
  return parts;
}

static Json value_json(const Value& value) {
  static constexpr const char* kSymbols[] = {"", "batch", "sequence", "rows"};
  auto dims = Json::array();
  for (const auto& dim : value.dims) {
    if (dim.symbol == Symbol::kNone)
      dims.push_back(dim.size);
    else
      dims.push_back(kSymbols[static_cast<int>(dim.symbol)]);
  }
  return {{"name", value.name}, {"dtype", dtype_name(value.dtype)}, {"dims", std::move(dims)}};
}

Json graph_json(const Graph& graph) {
  auto inputs = Json::array(), outputs = Json::array();
  for (auto id : graph.inputs) inputs.push_back(value_json(graph.values[id]));
  for (auto id : graph.outputs) outputs.push_back(value_json(graph.values[id]));
  std::set<WeightId> used;
  for (const auto& node : graph.nodes) {
    for (auto id : weights_of(node)) used.insert(id);
  }
  return {
      {"inputs", std::move(inputs)}, {"outputs", std::move(outputs)}, {"weights", used}, {"nodes", graph.nodes.size()}};
}

Handles<Graph>& graphs() {
  static Handles<Graph> kept;
  return kept;
}

}  // namespace ipfs_accelerate::wasm

using namespace ipfs_accelerate::wasm;

IA_EXPORT const char* ia_reply_data() { return reply().json.data(); }
IA_EXPORT std::size_t ia_reply_size() { return reply().json.size(); }
IA_EXPORT const std::uint8_t* ia_bytes_data() { return reply().bytes.data(); }
IA_EXPORT std::size_t ia_bytes_size() { return reply().bytes.size(); }
/// Memory for bytes the page hands over, 16-byte aligned; null when there is none left.
IA_EXPORT void* ia_alloc(std::size_t size) { return std::aligned_alloc(16, (size + 15) / 16 * 16); }
IA_EXPORT void ia_free(void* pointer) { std::free(pointer); }
/// Drops the binary answer, which may be large.
IA_EXPORT void ia_bytes_drop() { reply().bytes = {}; }
