// Writes the conformance cases for a page: what the engine lowers or records for its device, the bytes it needs, and
// what the reference computes. web/test/conformance.page.js runs them.
//   page_cases webnn LIMITS.json PRECISION FOLDER     LIMITS.json: the page's opSupportLimits()
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "backend/webnn/lowering.h"
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

/// Symbols by name, as the page's engine gives them.
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

/// The plan by batch size: the case's own, and those of two halves.
Result<Json> plans_json(const ConformanceCase& c, const std::string& limits, const LoadOptions& options) {
  Json plans = Json::object();
  for (const std::int64_t batch : {c.shape.batch, c.shape.batch / 2, c.shape.batch - c.shape.batch / 2}) {
    if (batch < 1) continue;
    ShapeClass shape = c.shape;
    shape.batch = batch;
    IA_ASSIGN(auto lowered, webnn::lower(c.graph, shape, limits, options));
    plans[std::to_string(batch)] = Json::parse(lowered);
  }
  return plans;
}

Result<Json> case_json(const ConformanceCase& c, const std::string& limits, const LoadOptions& options, Blob& blob) {
  Json json{{"op", c.op},
            {"name", c.name},
            {"tolerance", c.tolerance},
            {"shape", {{"batch", c.shape.batch}, {"sequence", c.shape.sequence}, {"rows", c.shape.rows}}},
            {"weights", Json::object()},
            {"inputs", Json::array()},
            {"outputs", Json::array()}};
  for (const Node& node : c.graph.nodes) {
    const auto reason = webnn::declines(c.graph, node, limits, options);
    if (!reason.empty()) {
      json["declined"] = reason;
      return json;
    }
  }
  IA_ASSIGN(auto expected, run_reference(c.graph, c.shape, c.weights, c.inputs));
  IA_ASSIGN(json["plans"], plans_json(c, limits, options));
  for (WeightId id : used_weights(c.graph)) {
    json["weights"][std::to_string(id)] = blob.add(c.weights[static_cast<std::size_t>(id)].bytes);
  }
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    json["inputs"].push_back(
        {{"dims", dims_json(c.graph.value(c.graph.inputs[i]).dims)}, {"bytes", blob.add(c.inputs[i].bytes)}});
  }
  for (std::size_t i = 0; i < expected.size(); ++i) {
    json["outputs"].push_back({{"name", c.graph.value(c.graph.outputs[i]).name},
                               {"dims", dims_json(c.graph.value(c.graph.outputs[i]).dims)},
                               {"expected", blob.add(expected[i].bytes)}});
  }
  return json;
}

int write_cases(const std::string& limits, const LoadOptions& options, const std::string& folder) {
  Blob blob;
  Json list = Json::array();
  for (const auto& c : conformance_cases()) {
    auto json = case_json(c, limits, options, blob);
    if (!json) {
      std::fprintf(stderr, "%s %s: %s\n", c.op.c_str(), c.name.c_str(), json.error().message.c_str());
      return 1;
    }
    list.push_back(*std::move(json));
  }
  std::ofstream(folder + "/cases.json") << list.dump();
  return blob.write(folder + "/cases.bin") ? 0 : 1;
}

}  // namespace
}  // namespace ipfs_accelerate

int main(int argc, char** argv) {
  if (argc != 5 || std::string(argv[1]) != "webnn") {
    std::fputs("usage: page_cases webnn LIMITS.json PRECISION FOLDER\n", stderr);
    return 2;
  }
  std::ifstream file(argv[2]);
  const std::string limits{std::istreambuf_iterator<char>(file), {}};
  return ipfs_accelerate::write_cases(limits, {.precision = std::atoi(argv[3])}, argv[4]);
}
