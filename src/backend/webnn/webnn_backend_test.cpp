// The portable WebNN backend over a port that computes nothing: it answers with the reference's number, or lies.
#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "backend/fake_backend.h"
#include "backend/webnn/webnn.h"
#include "backend/webnn/webnn_program.h"
#include "base/in_place.h"
#include "graph/test_symbols.h"

namespace ipfs_accelerate::webnn {
namespace {

using Json = nlohmann::json;

constexpr float kAnswer = 0.5f;

/// Limits of a context that has these ops, for float32 and, when `half`, float16.
std::string limits(bool half, const std::string& without = "") {
  Json offers = Json::object();
  for (const char* op : {"gather",   "add",       "layerNormalization",
                         "gemm",     "gelu",      "relu",
                         "tanh",     "mul",       "sigmoid",
                         "split",    "reshape",   "transpose",
                         "matmul",   "min",       "softmax",
                         "div",      "max",       "reduceMax",
                         "reduceL2", "reduceSum", "sub",
                         "cast",     "equal",     "sqrt",
                         "slice",    "pad",       "reduceMean"}) {
    if (op == without) continue;
    offers[op] = Json::object();
  }
  Json types = {"float32"};
  if (half) types.push_back("float16");
  offers["matmul"]["a"] = {{"dataTypes", types}};
  return offers.dump();
}

class FakeWebnn final : public Webnn {
 public:
  std::string limits_json = limits(true);
  std::optional<bool> accelerated;
  bool lies32 = false, lies16 = false;
  int most_contexts = 100;
  double alone = 2.0, together = 2.0;  ///< seconds of a dispatch by itself, and beside others
  double time = 0;
  std::string lost_why;
  std::set<ContextId> contexts;
  std::map<ConstantId, std::size_t> constants;
  std::map<GraphId, Json> graphs;
  std::map<GraphId, ContextId> context_of;
  std::vector<std::vector<std::size_t>> inputs_seen;  ///< bytes of each dispatch

  Async<OpenedContext> open(Stop) override {
    if (int(contexts.size()) >= most_contexts) co_await fail(ErrorCode::kNoAdapter, "no more contexts");
    contexts.insert(++last_);
    co_return OpenedContext{last_, limits_json, accelerated};
  }
  void drop_context(ContextId context) override { contexts.erase(context); }
  Async<ConstantId> constant(ByteView bytes) override {
    constants[++last_] = bytes.size();
    co_return last_;
  }
  void drop_constant(ConstantId constant) override { constants.erase(constant); }
  Async<GraphId> build(ContextId context, std::string lowered, std::vector<ConstantId> given, Stop) override {
    if (!lost_why.empty()) co_await fail(ErrorCode::kDeviceLost, "{}", lost_why);
    EXPECT_TRUE(contexts.contains(context));
    const Json json = Json::parse(lowered);
    std::size_t weights = 0;
    for (const Json& constant : json["constants"]) weights += constant.contains("weight");
    EXPECT_EQ(weights, given.size());
    for (const ConstantId constant : given) EXPECT_TRUE(constants.contains(constant));
    graphs[++last_] = json;
    context_of[last_] = context;
    co_return last_;
  }
  Async<> dispatch(GraphId graph, std::vector<ByteView> inputs, std::vector<std::span<std::uint8_t>> outputs) override {
    if (!lost_why.empty()) co_await fail(ErrorCode::kDeviceLost, "{}", lost_why);
    const Json& json = graphs.at(graph);
    std::vector<std::size_t>& seen = inputs_seen.emplace_back();
    for (const ByteView input : inputs) seen.push_back(input.size());
    const bool half = json.dump().contains("float16");
    for (const std::span<std::uint8_t> output : outputs) {
      FakeBackend::fill(output, (half ? lies16 : lies32) ? -kAnswer : kAnswer);
    }
    // Dispatches that begin before the first one ends share its time.
    const double began = time;
    ++running_;
    co_await turn();
    time = std::max(time, began + (running_ > 1 ? together : alone));
    co_await turn();
    --running_;
  }
  void drop_graph(GraphId graph) override { graphs.erase(graph); }

 private:
  static Async<> turn() {
    Executor& executor = co_await this_executor();
    const Reply<> reply;
    start(executor, settle(reply), [](const Result<>&) {});
    co_await reply.get();
  }
  static Async<> settle(Reply<> reply) {
    reply.settle({});
    co_return;
  }
  std::int32_t last_ = 0;
  int running_ = 0;
};

struct Fixture : testing::Test {
  FakeWebnn port;
  FakeBackend reference{kAnswer};
  Result<std::unique_ptr<Backend>> open(int processors = 4) {
    return run_in_place(make_backend(port, reference, [this] { return port.time; }, processors, Stop()));
  }
};
using WebnnBackendTest = Fixture;

Graph one_linear() {
  TestBuilder b;
  const ValueId x = b.input("x", Dtype::kF32, {kBatchDim, kSequenceDim, dim(8)});
  b.output(b.add("y", op::Linear{.x = x, .weight = b.weight("w", {8, 8})}), "out");
  return *b.finish();
}

std::unique_ptr<Program> loaded(Backend& backend, int precision = 32) {
  auto program = *run_in_place(backend.load(one_linear(), {.precision = precision}, Stop()));
  const Bytes weight(8 * 8 * 4);
  EXPECT_TRUE(run_in_place(program->upload({0}, {{Dtype::kF32, {8, 8}, weight}}, Stop())));
  return program;
}

Result<> run(Executable& executable, std::int64_t batch) {
  const Bytes x(static_cast<std::size_t>(batch) * 3 * 8 * 4);
  Bytes y(x.size());
  Result<> ran = run_in_place(executable.run({{Dtype::kF32, x}}, {{Dtype::kF32, y}}, Stop()));
  const auto values = std::span(reinterpret_cast<const float*>(y.data()), y.size() / 4);
  if (ran) EXPECT_TRUE(std::ranges::all_of(values, [](float v) { return v == kAnswer; }));
  return ran;
}

TEST_F(WebnnBackendTest, ASoundDeviceOpensAndLeavesNothingBehind) {
  {
    const auto backend = open();
    ASSERT_TRUE(backend) << backend.error().message;
    EXPECT_EQ((*backend)->device().name, "WebNN; the browser does not name the device");
    EXPECT_FALSE(is_accelerated(**backend));
    EXPECT_FALSE(is_lost(**backend));
    EXPECT_TRUE(port.graphs.empty() && port.constants.empty());
    EXPECT_EQ(port.contexts.size(), 1u);
  }
  EXPECT_TRUE(port.contexts.empty());
}

TEST_F(WebnnBackendTest, WrongNumbersRefuseTheDevice) {
  port.lies32 = true;
  const auto backend = open();
  ASSERT_FALSE(backend);
  EXPECT_EQ(backend.error().code, ErrorCode::kSelfCheckFailed);
  EXPECT_TRUE(port.contexts.empty());
}

TEST_F(WebnnBackendTest, OpsThatAreMissingDoNotRefuseTheDevice) {
  port.limits_json = limits(true, "gelu");
  const auto backend = open();
  ASSERT_TRUE(backend) << backend.error().message;
  TestBuilder b;
  const ValueId x = b.input("x", Dtype::kF32, {kBatchDim, kSequenceDim, dim(8)});
  b.output(b.add("y", op::Linear{.x = x, .weight = b.weight("w", {8, 8}), .activation = Activation::kGelu}), "out");
  const Graph graph = *b.finish();
  EXPECT_EQ((*backend)->declines(graph, graph.nodes[0], {}), "WebNN has no gelu here");
}

TEST_F(WebnnBackendTest, Float16IsCheckedOnceAndSwitchedOff) {
  port.lies16 = true;
  const auto backend = open();
  ASSERT_TRUE(backend);
  const auto program = loaded(**backend, 16);
  EXPECT_EQ(program->precision(), 32);
  EXPECT_EQ(program->optimizations().back(), "f32 in place of f16: the device has no float16");
  ASSERT_EQ((*backend)->device().switched_off.size(), 1u);
  EXPECT_TRUE((*backend)->device().switched_off.front().starts_with("float16: embedding of the encoder differs"));
  const int loads = reference.loads;
  loaded(**backend, 16);
  EXPECT_EQ(reference.loads, loads);
}

TEST_F(WebnnBackendTest, Float16HalvesWhatConstantsTake) {
  const auto backend = open();
  ASSERT_TRUE(backend);
  EXPECT_EQ(loaded(**backend, 32)->weight_bytes(), 8 * 8 * 4);
  EXPECT_EQ(loaded(**backend, 16)->weight_bytes(), 8 * 8 * 2);
}

TEST_F(WebnnBackendTest, ABatchIsSpreadWhereThatIsFaster) {
  const auto backend = open();
  ASSERT_TRUE(backend);
  auto program = loaded(**backend);
  auto executable = *run_in_place(program->compile(usual_shape(6, 3), Stop()));
  EXPECT_EQ(port.contexts.size(), 4u);
  EXPECT_EQ(program->optimizations().back(), "batch over 4 contexts side by side");
  EXPECT_EQ(program->weight_bytes(), 8 * 8 * 4);
  const std::int64_t tensors = 2 * 6 * 3 * 8 * 4, copies = 4 * 8 * 8 * 4;  // each graph has the weights
  EXPECT_EQ(executable->memory_bytes(), tensors + copies);
  port.inputs_seen.clear();
  EXPECT_TRUE(run(*executable, 6));
  const std::size_t each = 3 * 8 * 4;
  EXPECT_EQ(port.inputs_seen, (std::vector<std::vector<std::size_t>>{{each}, {2 * each}, {each}, {2 * each}}));
  std::set<ContextId> used;
  for (const auto& [graph, json] : port.graphs) used.insert(port.context_of[graph]);
  EXPECT_EQ(used.size(), 4u);
  executable.reset();
  auto two = *run_in_place(program->compile(usual_shape(2, 3), Stop()));  // measured once
  EXPECT_EQ(port.contexts.size(), 4u);
  EXPECT_TRUE(run(*two, 2));
}

TEST_F(WebnnBackendTest, ContextsThatBringNothingAreClosedAgain) {
  port.together = 8.0;  // four at once take as long as one after the other
  const auto backend = open();
  auto program = loaded(**backend);
  auto executable = *run_in_place(program->compile(usual_shape(6, 3), Stop()));
  EXPECT_EQ(port.contexts.size(), 1u);
  EXPECT_TRUE(run(*executable, 6));
}

TEST_F(WebnnBackendTest, OneContextIsEnoughWhereMoreCannotHelp) {
  for (const auto& [processors, accelerated, most] :
       {std::tuple{1, std::optional<bool>(), 100}, {4, std::optional(true), 100}, {4, std::optional<bool>(), 2}}) {
    FakeWebnn fresh;
    fresh.accelerated = accelerated;
    fresh.most_contexts = most;
    auto backend = *run_in_place(make_backend(fresh, reference, [&] { return fresh.time; }, processors, Stop()));
    auto program = loaded(*backend);
    ASSERT_TRUE(run_in_place(program->compile(usual_shape(6, 3), Stop())));
    EXPECT_EQ(fresh.contexts.size(), 1u);
    program.reset(), backend.reset();
  }
}

TEST_F(WebnnBackendTest, OnlyGraphsWithTheBatchFirstAreSplit) {
  EXPECT_TRUE(bool(split_symbol(one_linear())));
  TestBuilder b;
  const ValueId x = b.input("x", Dtype::kF32, {kBatchDim, kSequenceDim, dim(8)});
  const ValueId rows = b.input("rows", Dtype::kI32, {kRowsDim});
  b.output(b.add("y", op::SelectRows{.x = x, .rows = rows}), "out");
  EXPECT_FALSE(bool(split_symbol(*b.finish())));
}

TEST_F(WebnnBackendTest, APartMayLackAnInputOfTheGraph) {
  TestBuilder b;
  const std::vector<Dim> tokens{kBatchDim, kSequenceDim};
  const op::Embed embed{.ids = b.input("ids", Dtype::kI32, tokens),
                        .type_ids = b.optional_input("types", Dtype::kI32, tokens),
                        .word = b.weight("word", {9, 8}),
                        .type = b.weight("kind", {2, 8})};
  b.output(b.add("x", embed), "y");
  const Graph whole = *b.finish();
  ShapeClass untyped = usual_shape(1, 3);
  untyped.leave_out("types");
  const auto part = std::make_shared<const Graph>(present(whole, untyped).value());
  const auto backend = open();
  const auto program = *run_in_place((*backend)->load(whole, {}, Stop()));
  const Bytes weights(9 * 8 * 4);
  ASSERT_TRUE(run_in_place(program->upload({0}, {{Dtype::kF32, {9, 8}, weights}}, Stop())));
  ASSERT_TRUE(run_in_place(program->upload({1}, {{Dtype::kF32, {2, 8}, ByteView(weights).first(64)}}, Stop())));
  const auto typed_run = *run_in_place(program->compile(usual_shape(1, 3), Stop()));
  const auto untyped_run = *run_in_place(program->compile(untyped, Stop(), part));
  const Bytes ids(12);
  Bytes y(3 * 8 * 4);
  const TensorRef given{Dtype::kI32, ids};
  const MutableTensorRef taken{Dtype::kF32, y};
  port.inputs_seen.clear();  // of the self-check
  EXPECT_TRUE(run_in_place(typed_run->run({given, given}, {taken}, Stop())));
  EXPECT_TRUE(run_in_place(untyped_run->run({given}, {taken}, Stop())));
  EXPECT_EQ(run_in_place(untyped_run->run({given, given}, {taken}, Stop())).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(port.inputs_seen, (std::vector<std::vector<std::size_t>>{{12, 12}, {12}}));
  EXPECT_EQ((*backend)->predict(*part, untyped, {})->activations, untyped_run->memory_bytes());
  EXPECT_EQ((*backend)->predict(whole, usual_shape(1, 3), {})->activations, typed_run->memory_bytes());
}

TEST_F(WebnnBackendTest, ALostContextIsRemembered) {
  const auto backend = open();
  auto program = loaded(**backend);
  auto executable = *run_in_place(program->compile(usual_shape(1, 3), Stop()));
  EXPECT_TRUE(run(*executable, 1));
  port.lost_why = "the GPU was reset";
  const auto lost = run(*executable, 1);
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, ErrorCode::kDeviceLost);
  EXPECT_EQ(lost.error().message,
            "the browser closed its WebNN context: the GPU was reset; the next call loads the model anew");
  EXPECT_TRUE(is_lost(**backend));
  port.lost_why.clear();
  EXPECT_EQ(run_in_place((*backend)->load(one_linear(), {}, Stop())).error().code, ErrorCode::kDeviceLost);
  EXPECT_EQ(run(*executable, 1).error().code, ErrorCode::kDeviceLost);
}

TEST_F(WebnnBackendTest, WrongCallsAreErrors) {
  const auto backend = open();
  auto program = *run_in_place((*backend)->load(one_linear(), {}, Stop()));
  EXPECT_EQ(run_in_place(program->compile(usual_shape(1, 3), Stop())).error().code, ErrorCode::kMissingWeight);
  EXPECT_EQ(run_in_place(program->upload({3}, {}, Stop())).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(run_in_place(program->upload({0}, {}, Stop())).error().code, ErrorCode::kWrongShape);
}

}  // namespace
}  // namespace ipfs_accelerate::webnn
