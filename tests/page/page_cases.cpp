// Writes the conformance cases for pages: each graph, the bytes it needs, and what the reference computes.
// web/test/conformance.mjs runs them on every platform of the SDK.
//   page_cases FOLDER     makes cases.json and cases.bin there
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bindings/wasm/op_fields.h"
#include "conformance/conformance.h"
#include "golden/reference.h"

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::json;

/// All bytes in one file; a piece is [offset, length].
class Blob {
 public:
  Json add(ByteView bytes) {
    Json piece{bytes_.size(), bytes.size()};
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return piece;
  }
  bool write(const std::string& path) const {
    std::ofstream out(path, std::ios::binary);
    out.write(reinterpret_cast<const char*>(bytes_.data()), static_cast<std::streamsize>(bytes_.size()));
    return out.good();
  }

 private:
  Bytes bytes_;
};

Json dims_json(const std::vector<Dim>& dims) {
  static constexpr const char* kSymbols[] = {"", "batch", "sequence", "rows"};
  Json list = Json::array();
  for (const Dim& d : dims) {
    if (d.symbol == Symbol::kNone)
      list.push_back(d.size);
    else
      list.push_back(kSymbols[static_cast<int>(d.symbol)]);
  }
  return list;
}

Json node_json(const Node& node) {
  Json json{{"name", node.name}, {"op", op_name(node.op)}};
  std::visit(
      [&](const auto& op) {
        wasm::op_fields(op, [&](const char* name, const auto& field) {
          if constexpr (std::is_enum_v<std::remove_cvref_t<decltype(field)>>)
            json[name] = static_cast<int>(field);
          else
            json[name] = field;
        });
      },
      node.op);
  return json;
}

/// The form that ia_graph (bindings/wasm/graph.cpp) reads.
Json graph_json(const Graph& graph) {
  Json json{{"weights", Json::array()}, {"values", Json::array()}, {"outputs", Json::array()}};
  for (const Weight& weight : graph.weights) {
    json["weights"].push_back({{"parts", weight.parts}, {"shape", weight.shape}});
  }
  for (const Value& value : graph.values) {
    json["values"].push_back(
        {{"name", value.name}, {"dtype", dtype_name(value.dtype)}, {"dims", dims_json(value.dims)}});
  }
  for (const Node& node : graph.nodes) json["values"][static_cast<std::size_t>(node.output)] = node_json(node);
  for (ValueId id : graph.outputs) json["outputs"].push_back({{"value", id}, {"name", graph.value(id).name}});
  return json;
}

/// Stored as the case says; a stack as its parts, of equal height.
Json weight_json(const ConformanceCase& c, WeightId id, Blob& blob) {
  const Weight& weight = c.graph.weight(id);
  const Bytes bytes = store_as(c.weight_dtype, c.weights[static_cast<std::size_t>(id)].f32s());
  const std::size_t count = weight.parts.size();
  Shape shape = weight.shape;
  shape[0] /= static_cast<std::int64_t>(count);
  Json parts = Json::array();
  for (std::size_t i = 0; i < count; ++i) {
    const auto part = ByteView(bytes).subspan(bytes.size() / count * i, bytes.size() / count);
    parts.push_back({{"dtype", dtype_name(c.weight_dtype)}, {"shape", shape}, {"bytes", blob.add(part)}});
  }
  return parts;
}

Result<Json> case_json(const ConformanceCase& c, Blob& blob) {
  Json json{{"op", c.op},
            {"name", c.name},
            {"tolerance", c.tolerance},
            {"shape", {{"batch", c.shape.batch}, {"sequence", c.shape.sequence}, {"rows", c.shape.rows}}},
            {"graph", graph_json(c.graph)},
            {"weights", Json::object()},
            {"inputs", Json::array()},
            {"outputs", Json::array()}};
  IA_ASSIGN(auto expected, run_reference(c.graph, c.shape, c.weights, c.inputs));
  for (WeightId id : used_weights(c.graph)) json["weights"][std::to_string(id)] = weight_json(c, id, blob);
  for (const Tensor& input : c.inputs) json["inputs"].push_back(blob.add(input.bytes));
  for (const Tensor& output : expected) json["outputs"].push_back(blob.add(output.bytes));
  return json;
}

int write_cases(const std::string& folder) {
  Blob blob;
  Json list = Json::array();
  for (const auto& c : conformance_cases()) {
    auto json = case_json(c, blob);
    if (!json) {
      std::fprintf(stderr, "%s %s: %s\n", c.op.c_str(), c.name.c_str(), json.error().message.c_str());
      return 1;
    }
    list.push_back(*std::move(json));
  }
  std::ofstream cases(folder + "/cases.json");
  cases << list.dump();
  return cases.good() && blob.write(folder + "/cases.bin") ? 0 : 1;
}

}  // namespace
}  // namespace ipfs_accelerate

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: page_cases FOLDER\n", stderr);
    return 2;
  }
  return ipfs_accelerate::write_cases(argv[1]);
}
