// Graphs written out as JSON: built again node by node, so that every shape and id is checked on the way.
#include <map>

#include "abi.h"
#include "op_fields.h"

namespace ipfs_accelerate::wasm {
namespace {

constexpr std::size_t kMostItems = 100000;

/// The elements of an array field; none when it is absent or of another type.
std::vector<Json> items(const Json& object, std::string_view key) {
  auto found = object.find(key);
  return found != object.end() && found->is_array() ? found->get<std::vector<Json>>() : std::vector<Json>{};
}

Result<std::vector<Dim>> read_dims(const Json& value) {
  std::vector<Dim> dims;
  for (const auto& dim : items(value, "dims")) {
    if (dim == "batch")
      dims.push_back(kBatchDim);
    else if (dim == "sequence")
      dims.push_back(kSequenceDim);
    else if (dim == "rows")
      dims.push_back(kRowsDim);
    else if (dim.is_number_integer() && dim > 0)
      dims.push_back(ipfs_accelerate::dim(dim.get<std::int64_t>()));
    else
      return fail(ErrorCode::kInvalidArgument, "{} is no dimension", dim.dump());
  }
  return dims;
}

template <class Field>
void read_field(const Json& json, const char* name, Field& field) {
  auto found = json.find(name);
  if (found == json.end()) return;
  if constexpr (std::is_same_v<Field, bool>) {
    field = found->is_boolean() && found->get<bool>();
  } else if constexpr (std::is_enum_v<Field>) {
    if (found->is_number_integer()) field = static_cast<Field>(found->get<int>());
  } else {
    if (found->is_number()) field = found->get<Field>();
  }
}

template <std::size_t Index = 0>
Result<Op> read_op(const Json& node) {
  if constexpr (Index == std::variant_size_v<Op>) {
    return fail(ErrorCode::kUnsupportedOp, "no op is called '{}'", text_field(node, "op"));
  } else {
    std::variant_alternative_t<Index, Op> made;
    if (text_field(node, "op") != made.kName) return read_op<Index + 1>(node);
    op_fields(made, [&](const char* name, auto& field) { read_field(node, name, field); });
    return Op(made);
  }
}

void read_weights(const Json& json, GraphBuilder& builder) {
  for (const auto& weight : items(json, "weights")) {
    std::vector<std::string> parts;
    for (const auto& part : items(weight, "parts")) parts.push_back(part.is_string() ? part.get<std::string>() : "");
    Shape shape;
    for (const auto& size : items(weight, "shape")) shape.push_back(size.is_number() ? size.get<std::int64_t>() : -1);
    builder.stack(std::move(parts), std::move(shape));
  }
}

/// Inputs and nodes in the order of their values, so that ids stay what they were.
Result<Graph> read_graph(const Json& json) {
  GraphBuilder builder;
  read_weights(json, builder);
  const auto values = items(json, "values");
  if (values.size() > kMostItems) return fail(ErrorCode::kLimitExceeded, "a graph has at most {} values", kMostItems);
  for (const auto& value : values) {
    if (value.contains("op")) {
      IA_ASSIGN(auto op, read_op(value));
      builder.add(text_field(value, "name"), std::move(op));
    } else {
      IA_ASSIGN(auto dims, read_dims(value));
      IA_ASSIGN(auto dtype, dtype_from_name(text_field(value, "dtype")));
      builder.input(text_field(value, "name"), dtype, std::move(dims));
    }
  }
  for (const auto& output : items(json, "outputs")) {
    builder.output(static_cast<ValueId>(int_field(output, "value", -1)), text_field(output, "name"));
  }
  return builder.finish();
}

Result<Json> keep_graph(const Json& json) {
  IA_ASSIGN(auto graph, read_graph(json));
  auto answer = graph_json(graph);
  answer["graph"] = graphs().keep(std::make_unique<Graph>(std::move(graph)));
  return answer;
}

}  // namespace
}  // namespace ipfs_accelerate::wasm

using namespace ipfs_accelerate::wasm;

/// {weights: [{parts, shape}], values: [{name, dtype, dims} or {name, op, its fields}], outputs: [{value, name}]} -> a
/// segment as in ia_session_plan. tests/page/page_cases.cpp writes this form.
IA_EXPORT int ia_graph(const char* text, std::size_t size) {
  return answer(parse_object(text, size).and_then(keep_graph));
}
