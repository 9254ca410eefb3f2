// The self-check of devices: that it has every operation, and that it finds a device out that computes any of them
// wrong.
#include "backend/self_check.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "backend/cpu/cpu.h"
#include "backend/self_check_parts.h"
#include "base/in_place.h"

namespace ipfs_accelerate {
namespace {

const std::vector<CheckedPart>& parts() {
  static const auto made = self_check_parts().value();
  return made;
}

template <class... Ops>
std::set<std::string_view> names_of(std::variant<Ops...>*) {
  return {Ops::kName...};
}

TEST(SelfCheckParts, HaveEveryOperation) {
  std::set<std::string_view> missing = names_of(static_cast<Op*>(nullptr));
  for (const CheckedPart& part : parts()) {
    for (const Node& node : part.graph.nodes) missing.erase(op_name(node.op));
  }
  for (const std::string_view op : missing) ADD_FAILURE() << "src/backend/self_check_parts.cpp has no " << op;
}

/// What a device makes of a graph before it computes it faithfully.
using Mistake = std::function<void(Graph& graph)>;

struct Fixture : testing::Test {
  InPlaceCompute compute;
  std::shared_ptr<Backend> cpu = cpu::make_backend(compute, 1);
  std::string declined;  ///< an op that the device does not take
  int loads = 0;

  Result<std::string> check(const Mistake& mistake, int precision = 32) {
    CheckedDevice device;
    device.precision = precision;
    device.declines = [this](const Graph&, const Node& node) {
      return std::string(op_name(node.op) == declined ? "not here" : "");
    };
    device.load = [&](Graph graph, Stop stop) -> Async<std::unique_ptr<Program>> {
      ++loads;
      for (const Node& node : graph.nodes) EXPECT_NE(op_name(node.op), declined);
      mistake(graph);
      co_return co_await cpu->load(std::move(graph), {}, stop);
    };
    return run_in_place(self_check(device, *cpu, Stop()));
  }
};
using SelfCheck = Fixture;

/// The node of this name gives zeros: of what it computes comes nothing.
Mistake zeros(const std::string& name) {
  return [name](Graph& graph) {
    const auto node = std::ranges::find(graph.nodes, name, &Node::name);
    if (node == graph.nodes.end()) return;
    const auto unspoilt = id_of<ValueId>(graph.values.size());
    graph.values.push_back(graph.value(node->output));
    graph.values.back().name = "unspoilt";
    const ValueId output = std::exchange(node->output, unspoilt);
    graph.nodes.insert(node + 1, Node{"zeros", op::Scale{.x = unspoilt, .factor = 0}, output});
  };
}

/// Changes the ops of one kind.
template <class Kind>
Mistake change(std::function<void(Kind& op, const Graph& graph)> how) {
  return [how](Graph& graph) {
    for (Node& node : graph.nodes) {
      if (auto* const op = std::get_if<Kind>(&node.op)) how(*op, graph);
    }
  };
}

TEST_F(SelfCheck, FindsNothingWrongWithASoundDevice) {
  EXPECT_EQ(check([](Graph&) {}), "");
  EXPECT_EQ(check([](Graph&) {}, 16), "");
  EXPECT_EQ(loads, 6);
}

TEST_F(SelfCheck, FindsEveryNodeThatGivesZeros) {
  int spoilt = 0;
  for (const CheckedPart& part : parts()) {
    for (const Node& node : part.graph.nodes) {
      const Value& value = part.graph.value(node.output);
      if (value.state || value.dtype != Dtype::kF32) continue;
      const std::string& name = node.name;
      for (const int precision : {32, 16}) {
        const auto wrong = check(zeros(name), precision);
        ASSERT_TRUE(wrong) << wrong.error().message;
        EXPECT_NE(wrong->find(std::format("of the {} differs", part.name)), std::string::npos)
            << name << ": " << *wrong;
      }
      ++spoilt;
    }
  }
  EXPECT_GT(spoilt, 20);
}

TEST_F(SelfCheck, FindsAWrongChoice) {
  const auto wrong =
      check(change<op::ArgMax>([](op::ArgMax& op, const Graph& graph) { op.x = graph.find("decoder.select"); }));
  ASSERT_TRUE(wrong) << wrong.error().message;
  EXPECT_TRUE(wrong->starts_with("token of the decoder is ")) << *wrong;
}

TEST_F(SelfCheck, FindsStatesThatAreNotWrittenRight) {
  const Mistake mistakes[] = {
      change<op::Append>([](op::Append& op, const Graph&) { op.x.first = 0; }),
      change<op::Append>([](op::Append& op, const Graph& graph) { op.x.value = graph.find("decoder.qkv"); }),
      change<op::CopyPages>([](op::CopyPages& op, const Graph&) { std::swap(op.from, op.to); }),
      change<op::CopyPages>([](op::CopyPages& op, const Graph&) { op.to = op.from; }),
  };
  for (const Mistake& mistake : mistakes) {
    const auto wrong = check(mistake);
    ASSERT_TRUE(wrong) << wrong.error().message;
    EXPECT_NE(wrong->find("of the decoder"), std::string::npos) << &mistake - mistakes << ": " << *wrong;
  }
}

TEST_F(SelfCheck, FindsEveryKindOfAttentionThatIsWrong) {
  using op::Attention;
  const std::pair<const char*, std::function<void(Attention&)>> mistakes[] = {
      {"distance_bias", [](Attention& op) { op.distance_bias = kNoValue; }},
      {"window", [](Attention& op) { op.window = 0; }},
      {"soft_cap", [](Attention& op) { op.soft_cap = 0; }},
      {"scale", [](Attention& op) { op.scale *= 1.1f; }},
      {"grouped heads", [](Attention& op) { op.kv_heads = 1; }},
      {"causal", [](Attention& op) { op.causal = false, op.window = 0, op.distance_bias = kNoValue; }},
      {"v", [](Attention& op) { op.v.first = 0; }},
  };
  for (const auto& [what, how] : mistakes) {
    const auto wrong = check(change<Attention>([&](Attention& op, const Graph&) {
      if (op.paging.table) how(op);
    }));
    ASSERT_TRUE(wrong) << wrong.error().message;
    EXPECT_TRUE(wrong->starts_with("scores of the decoder differs")) << what << ": " << *wrong;
  }
}

TEST_F(SelfCheck, WhatIsDeclinedRunsOnTheReference) {
  EXPECT_EQ(check([](Graph&) {}), "");
  const int whole = std::exchange(loads, 0);
  declined = "gate";  // in the middle of the picture's part
  EXPECT_EQ(check([](Graph&) {}), "");
  EXPECT_EQ(loads, whole + 1);
}

/// States lie on one device: no part of a model with states would run on it.
TEST_F(SelfCheck, WhereAnyOpOfTheDecoderIsDeclinedItIsLeftOut) {
  const Mistake mistake = change<op::DistanceBias>([](op::DistanceBias& op, const Graph&) { op.max_distance = 100; });
  EXPECT_NE(check(mistake), "");
  for (const char* op : {"append", "copy_pages", "arg_max", "rope"}) {
    declined = op;
    loads = 0;
    EXPECT_EQ(check(mistake), "") << op;
    EXPECT_EQ(loads, 2) << op;
  }
}

TEST_F(SelfCheck, NamesThePartThatCannotBeLoaded) {
  CheckedDevice device;
  device.declines = [](const Graph&, const Node&) { return std::string(); };
  device.load = [&](Graph graph, Stop stop) -> Async<std::unique_ptr<Program>> {
    if (!graph.states.empty() && !used_states(graph).empty()) co_await fail(ErrorCode::kShaderCompile, "a shader");
    co_return co_await cpu->load(std::move(graph), {}, stop);
  };
  EXPECT_EQ(run_in_place(self_check(device, *cpu, Stop())), "the decoder: a shader");
}

/// The likeliest token must not change within what f16 may differ by, for i32 outputs are compared exactly.
TEST(SelfCheckParts, TokensAreClearlyTheLikeliest) {
  InPlaceCompute compute;
  const auto cpu = cpu::make_backend(compute, 1);
  std::size_t rows = 0;
  const auto run = [&]() -> Async<> {
    const CheckedPart& part = parts().back();
    const auto program = co_await cpu->load(part.graph, {}, Stop());
    for (const WeightId id : used_weights(part.graph)) {
      const Tensor weight = self_check_weight(part.graph, id);
      co_await program->upload(id, {{Dtype::kF32, weight.shape, weight.bytes}}, Stop());
    }
    co_await program->make_states(part.runs[0].shape, Stop());
    for (const CheckedRun& one : part.runs) {
      const auto executable = co_await program->compile(one.shape, Stop());
      std::vector<TensorRef> inputs;
      for (const ValueId id : part.graph.inputs) {
        const Tensor& tensor = one.inputs.at(part.graph.value(id).name);
        inputs.push_back({tensor.dtype, tensor.bytes});
      }
      Tensor scores = Tensor::f32(part.graph.shape_of(part.graph.outputs[0], one.shape));
      co_await executable->run(inputs, {{Dtype::kF32, scores.bytes}, {Dtype::kI32, {}}}, Stop());
      const auto width = static_cast<std::size_t>(scores.shape[1]);
      for (std::size_t begin = 0; begin < scores.f32s().size(); begin += width, ++rows) {
        std::vector<float> row(scores.f32s().begin() + std::ptrdiff_t(begin),
                               scores.f32s().begin() + std::ptrdiff_t(begin + width));
        std::ranges::sort(row, std::greater{});
        EXPECT_GT(row[0] - row[1], 0.04) << "row " << rows;  // twice what f16 may differ by
      }
    }
  };
  const auto done = run_in_place(run());
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(rows, 8u);
}

}  // namespace
}  // namespace ipfs_accelerate
