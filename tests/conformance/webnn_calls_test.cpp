// What the lowered WebNN calls of the pictures' ops and of embed compute, by a plain reading of each call, against the
// reference interpreter. Browsers run the same cases in web/test.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>

#include "backend/webnn/lowering.h"
#include "conformance/conformance.h"
#include "golden/reference.h"

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::json;

struct Array {
  Shape shape;
  std::vector<double> data;
};

std::int64_t count_of(const Shape& shape) { return element_count(shape).value(); }

/// The index of element `at`, outermost first.
Shape index_of(std::int64_t at, const Shape& shape) {
  Shape index(shape.size());
  for (std::size_t d = shape.size(); d-- > 0; at /= shape[d]) index[d] = at % shape[d];
  return index;
}

std::int64_t place_of(const Shape& index, const Shape& shape) {
  std::int64_t place = 0;
  for (std::size_t d = 0; d < shape.size(); ++d) place = place * shape[d] + index[d];
  return place;
}

/// An array of this shape, each element from its index.
template <class Element>
Array made(Shape shape, Element element) {
  Array array{std::move(shape), {}};
  for (std::int64_t at = 0; at < count_of(array.shape); ++at) array.data.push_back(element(index_of(at, array.shape)));
  return array;
}

double at(const Array& array, const Shape& index) {
  return array.data.at(static_cast<std::size_t>(place_of(index, array.shape)));
}

/// An element of an array that is broadcast.
double broadcast_at(const Array& array, const Shape& index) {
  Shape own(index.end() - static_cast<std::ptrdiff_t>(array.shape.size()), index.end());
  for (std::size_t d = 0; d < own.size(); ++d) own[d] = array.shape[d] == 1 ? 0 : own[d];
  return at(array, own);
}

/// Rows of a matrix by their numbers.
Array gather(const Array& table, const Array& rows) {
  return made({rows.shape[0], table.shape[1]}, [&](const Shape& index) {
    return at(table, {static_cast<std::int64_t>(at(rows, {index[0]})), index[1]});
  });
}

Array transpose(const Array& x, const std::vector<std::size_t>& permutation) {
  Shape shape;
  for (const std::size_t axis : permutation) shape.push_back(x.shape[axis]);
  return made(shape, [&](const Shape& index) {
    Shape from(index.size());
    for (std::size_t d = 0; d < index.size(); ++d) from[permutation[d]] = index[d];
    return at(x, from);
  });
}

Array slice(const Array& x, const Shape& begin, const Shape& size) {
  return made(size, [&](Shape index) {
    for (std::size_t d = 0; d < index.size(); ++d) index[d] += begin[d];
    return at(x, index);
  });
}

Array pad(const Array& x, const Shape& before, const Shape& after) {
  Shape shape = x.shape;
  for (std::size_t d = 0; d < shape.size(); ++d) shape[d] += before[d] + after[d];
  return made(shape, [&](Shape index) {
    for (std::size_t d = 0; d < index.size(); ++d) {
      index[d] -= before[d];
      if (index[d] < 0 || index[d] >= x.shape[d]) return 0.0;
    }
    return at(x, index);
  });
}

Array matmul(const Array& a, const Array& b) {
  EXPECT_EQ(a.shape.size(), 2u);
  EXPECT_EQ(a.shape[1], b.shape[0]);
  return made({a.shape[0], b.shape[1]}, [&](const Shape& index) {
    double sum = 0;
    for (std::int64_t i = 0; i < a.shape[1]; ++i) sum += at(a, {index[0], i}) * at(b, {i, index[1]});
    return sum;
  });
}

Array add(const Array& a, const Array& b) {
  return made(a.shape, [&](const Shape& index) { return at(a, index) + broadcast_at(b, index); });
}

Array computed(const Json& call, const std::vector<Array>& operands) {
  const std::string op = call["op"];
  const Json& arguments = call["arguments"];
  const Array& x = operands[call["operands"][0].get<std::size_t>()];
  if (op == "reshape") return {arguments[0].get<Shape>(), x.data};
  if (op == "transpose") return transpose(x, call["options"]["permutation"]);
  if (op == "slice") return slice(x, arguments[0], arguments[1]);
  if (op == "pad") return pad(x, arguments[0], arguments[1]);
  const Array& other = operands[call["operands"].at(1).get<std::size_t>()];
  if (op == "add") return add(x, other);
  if (op == "matmul") return matmul(x, other);
  if (op == "gather") return gather(x, other);
  ADD_FAILURE() << "an unknown call: " << op;
  return {};
}

Array array_of(const Json& described, const auto& values) {
  return {described["shape"].get<Shape>(), {values.begin(), values.end()}};
}

/// The first output of the lowered graph.
Array run_calls(const Json& plan, const ConformanceCase& c) {
  std::vector<Array> operands(plan["operands"].get<std::size_t>());
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    const Json& input = plan["inputs"][i];
    const Tensor& given = c.inputs[i];
    operands[input["operand"].get<std::size_t>()] =
        given.dtype == Dtype::kI32 ? array_of(input, given.i32s()) : array_of(input, given.f32s());
  }
  for (const Json& constant : plan["constants"]) {
    Array& operand = operands[constant["operand"].get<std::size_t>()];
    if (constant.contains("weight")) {
      operand = array_of(constant, c.weights[constant["weight"].get<std::size_t>()].f32s());
    } else {
      operand = {constant["shape"].get<Shape>(), constant["values"].get<std::vector<double>>()};
    }
  }
  for (const Json& call : plan["calls"]) {
    operands[call["results"][0].get<std::size_t>()] = computed(call, operands);
  }
  return operands[plan["outputs"][0]["operand"].get<std::size_t>()];
}

Json every_limit() {
  Json limits{{"maxTensorByteLength", 2147483647}};
  for (const char* op : {"reshape", "transpose", "slice", "pad", "add", "matmul", "gather"})
    limits[op] = Json::object();
  return limits;
}

/// How many cases were compared: those that `wanted` takes.
std::size_t compare(const std::function<bool(const ConformanceCase&)>& wanted_case) {
  std::size_t count = 0;
  for (const ConformanceCase& c : conformance_cases()) {
    if (!wanted_case(c)) continue;
    SCOPED_TRACE(c.op + " " + c.name);
    const auto lowered = webnn::lower(c.graph, c.shape, every_limit().dump(), {});
    EXPECT_TRUE(lowered) << lowered.error().message;
    if (!lowered) continue;
    const Array actual = run_calls(Json::parse(*lowered), c);
    const auto expected = run_reference(c.graph, c.shape, c.weights, c.inputs);
    EXPECT_TRUE(expected) << expected.error().message;
    if (!expected) continue;
    const auto wanted = (*expected)[0].f32s();
    EXPECT_EQ(actual.data.size(), wanted.size());
    if (actual.data.size() != wanted.size()) continue;
    double worst = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) worst = std::max(worst, std::abs(actual.data[i] - wanted[i]));
    EXPECT_LE(worst, 1e-5);
    ++count;
  }
  return count;
}

TEST(WebnnCalls, OfPicturesComputeWhatTheReferenceDoes) {
  EXPECT_EQ(compare([](const ConformanceCase& c) { return c.op == "patches" || c.op == "vision_embed"; }), 20u);
}

/// Without norm: tables alone, with types that are picked and types that are all the first.
TEST(WebnnCalls, OfTablesComputeWhatTheReferenceDoes) {
  EXPECT_EQ(compare([](const ConformanceCase& c) { return c.op == "embed" && !c.name.contains("_norm"); }), 3u);
}

}  // namespace
}  // namespace ipfs_accelerate
