// Vision models against recorded numbers, on the CPU and on WebGPU: graphs from config.json and stored tensors, hidden
// states and logits from the recorded pixels; and pictures that become those pixels.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "backend/arrange_part.h"
#include "backend/cpu/cpu.h"
#include "backend/webgpu/webgpu.h"
#include "golden/tensor_files.h"
#include "host/native/compute.h"
#include "host/native/dawn_gpu.h"
#include "host/pictures/pictures.h"
#include "input/image/image_processor.h"
#include "model/model.h"

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::json;
using Outputs = std::map<std::string, Tensor>;

/// Never destroyed: at exit the GPU driver may be gone before it.
struct Machine {
  host::Loop loop;
  host::NativeCompute compute{loop};
  host::DawnGpu gpu{loop};
  std::unique_ptr<Backend> cpu = cpu::make_backend(compute);
};
Machine& machine() {
  static Machine& kept = *new Machine;
  return kept;
}
Backend& backend_named(const std::string& name) {
  if (name == "cpu") return *machine().cpu;
  static const auto gpu =
      machine().loop.block_on(webgpu::make_backend(machine().gpu, *machine().cpu, &machine().compute, Stop())).value();
  return *gpu;
}

/// A model folder with what was recorded of it.
struct Folder {
  explicit Folder(const std::string& name) : path(std::filesystem::path(IA_SOURCE_DIR) / "tests/fixtures" / name) {
    EXPECT_TRUE(weights.add(path / "model.safetensors"));
    EXPECT_TRUE(recorded.add(path / "golden.safetensors"));
    config = read_text(path / "config.json").value();
    golden = Json::parse(read_text(path / "golden.json").value());
  }
  Result<BuiltModel> build(const HeadOptions& options) const {
    return build_model(config, weights.index().table(), options);
  }
  std::filesystem::path path;
  std::string config;
  Json golden;
  TensorFiles weights, recorded;
};

Async<> upload(const Folder& folder, const Graph& graph, Program& program) {
  for (const WeightId id : used_weights(graph)) {
    std::vector<Bytes> kept;
    std::vector<WeightPart> parts;
    for (const std::string& name : graph.weight(id).parts) {
      const TensorFiles::Stored stored = co_await folder.weights.stored(name);
      WeightPart part{stored.info.dtype, stored.info.shape, stored.bytes};
      kept.push_back(co_await arrange_part(graph.weight(id), part));
      parts.push_back(std::move(part));
    }
    co_await program.upload(id, std::move(parts), Stop());
  }
}

/// Every output of the graph for these pixels.
Async<Outputs> run(const Folder& folder, const Graph& graph, Backend& backend, LoadOptions options,
                   const Tensor& pixels) {
  for (const Node& node : graph.nodes) {
    const std::string why = backend.declines(graph, node, options);
    if (!why.empty()) co_await fail(ErrorCode::kUnsupportedOp, "{}: {}", node.name, why);
  }
  const auto program = co_await backend.load(graph, options, Stop());
  co_await upload(folder, graph, *program);
  const ShapeClass shape{{kBatch, pixels.shape[0]}, {kHeight, pixels.shape[2]}, {kWidth, pixels.shape[3]}};
  const auto executable = co_await program->compile(shape, Stop());
  std::vector<Tensor> results;
  for (const ValueId id : graph.outputs) results.push_back(Tensor::f32(graph.shape_of(id, shape)));
  std::vector<MutableTensorRef> targets;
  for (Tensor& result : results) targets.push_back({Dtype::kF32, result.bytes});
  co_await executable->run({{Dtype::kF32, pixels.bytes}}, std::move(targets), Stop());
  Outputs outputs;
  for (std::size_t i = 0; i < results.size(); ++i) outputs[graph.value(graph.outputs[i]).name] = std::move(results[i]);
  co_return outputs;
}

void expect_near(const Tensor& actual, const Tensor& expected, double tolerance, const std::string& name) {
  ASSERT_EQ(actual.shape, expected.shape) << name;
  double worst = 0;
  for (std::size_t i = 0; i < expected.f32s().size(); ++i) {
    const double difference = std::abs(double{actual.f32s()[i]} - expected.f32s()[i]);
    worst = difference <= worst ? worst : difference;  // NaN goes on
  }
  EXPECT_LE(worst, tolerance) << name;
}

/// Recorded outputs that the graph gives; how many those were.
std::size_t compare(const Folder& folder, const Json& one_case, const Outputs& outputs, double tolerance) {
  std::size_t count = 0;
  for (const auto& [name, tensor] : one_case["outputs"].items()) {
    const auto found = outputs.find(name);
    if (found == outputs.end()) continue;
    expect_near(found->second, folder.recorded.floats(tensor).value(), tolerance, name);
    ++count;
  }
  return count;
}

/// The case's outputs with this head, compared; how many they were.
std::size_t run_case(const Folder& folder, const Json& one_case, const std::string& backend, HeadOptions options) {
  options.hidden_states = true;
  const auto built = folder.build(options);
  EXPECT_TRUE(built) << built.error().message;
  if (!built) return 0;
  const Tensor pixels = folder.recorded.floats(one_case["inputs"]["pixel_values"]).value();
  const auto outputs =
      machine().loop.block_on(run(folder, built->graph(), backend_named(backend), {.precision = 32}, pixels));
  EXPECT_TRUE(outputs) << outputs.error().message;
  return outputs ? compare(folder, one_case, *outputs, one_case["tolerance"]["abs"]) : 0;
}

class Vision : public testing::TestWithParam<std::tuple<std::string, std::string>> {
 protected:
  const std::string backend = std::get<0>(GetParam());
  const Folder folder{std::get<1>(GetParam())};
};

TEST_P(Vision, GivesTheRecordedStatesAndLogits) {
  std::size_t cases = 0;
  for (const Json& one_case : folder.golden["cases"]) {
    if (one_case["kind"] != "forward") continue;
    SCOPED_TRACE(one_case["name"]);
    const std::size_t recorded = one_case["outputs"].contains("hidden_states.0") ? 5 : 1;  // states, last, logits
    EXPECT_EQ(run_case(folder, one_case, backend, {.head = Head::kClassify}), recorded);
    EXPECT_EQ(run_case(folder, one_case, backend, {.head = Head::kHidden}), recorded - 1);
    ++cases;
  }
  EXPECT_EQ(cases, 2u);
}

TEST_P(Vision, NamesTheRecordedLabels) {
  const auto built = folder.build({.head = Head::kClassify});
  ASSERT_TRUE(built) << built.error().message;
  const Json& one_case = folder.golden["cases"][0];
  const Tensor pixels = folder.recorded.floats(one_case["inputs"]["pixel_values"]).value();
  const auto outputs = machine().loop.block_on(run(folder, built->graph(), backend_named(backend), {}, pixels));
  ASSERT_TRUE(outputs) << outputs.error().message;
  const auto logits = outputs->at("logits").f32s();
  const std::size_t labels = built->facts.labels.size();
  for (std::size_t i = 0; i < one_case["labels"].size(); ++i) {
    const auto row = logits.subspan(i * labels, labels);
    const auto best = static_cast<std::size_t>(std::ranges::max_element(row) - row.begin());
    EXPECT_EQ(Json(built->facts.labels[best]), one_case["labels"][i]["label"]);
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, Vision, testing::Combine(testing::Values("cpu", "webgpu"), testing::Values("vit")),
                         [](const auto& info) { return std::get<0>(info.param) + "_" + std::get<1>(info.param); });

TEST(VisionFolder, PicturesBecomeTheRecordedPixels) {
  const Folder folder("vit");
  const Json& one_case = folder.golden["cases"][0];
  const auto processor = ImageProcessor::from_json(read_text(folder.path / "preprocessor_config.json").value());
  ASSERT_TRUE(processor) << processor.error().message;
  const Tensor recorded = folder.recorded.floats(one_case["inputs"]["pixel_values"]).value();
  Tensor pixels = Tensor::f32(recorded.shape);
  auto to = pixels.f32s().begin();
  for (const std::string name : one_case["images"]) {
    const std::string file = read_text(folder.path / name).value();
    const auto image = host::decode_picture(as_bytes(file), Stop());
    ASSERT_TRUE(image) << image.error().message;
    const auto prepared = processor->prepare(*image);
    ASSERT_TRUE(prepared) << prepared.error().message;
    to = std::ranges::copy(prepared->f32s(), to).out;
  }
  EXPECT_EQ(to, pixels.f32s().end());
  expect_near(pixels, recorded, 1e-6, "pixel_values");
}

/// Small pictures are refused before anything is computed.
TEST(VisionFolder, APictureSmallerThanAPatchIsAnError) {
  const Folder folder("vit");
  const auto built = folder.build({.head = Head::kClassify});
  ASSERT_TRUE(built);
  const auto outputs =
      machine().loop.block_on(run(folder, built->graph(), backend_named("cpu"), {}, Tensor::f32({1, 3, 7, 64})));
  ASSERT_FALSE(outputs);
  EXPECT_EQ(outputs.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(outputs.error().message.find("height 7"), std::string::npos) << outputs.error().message;
}

TEST(VisionFolder, EveryTensorIsNeededInItsShapeAndDtype) {
  const Folder folder("vit");
  const auto built = folder.build({.head = Head::kClassify});
  ASSERT_TRUE(built) << built.error().message;
  const TensorTable whole = folder.weights.index().table();
  const auto error_with = [&](const TensorTable& table) {
    const auto model = build_model(folder.config, table, {.head = Head::kClassify});
    return model ? Error{ErrorCode{}, "it was built"} : model.error();
  };
  std::size_t used = 0;
  for (const WeightId id : used_weights(built->graph())) {
    for (const std::string& part : built->graph().weight(id).parts) {
      TensorTable table = whole;
      table[part].shape.push_back(1);  // as many elements, and yet another shape
      const Error shape = error_with(table);
      EXPECT_EQ(shape.code, ErrorCode::kWrongShape) << part << ": " << shape.message;
      table = whole;
      table[part].dtype = Dtype::kI32;
      EXPECT_EQ(error_with(table).code, ErrorCode::kUnsupportedDtype) << part;
      table = whole;
      table.erase(part);
      EXPECT_EQ(error_with(table).code, ErrorCode::kMissingWeight) << part;
      ++used;
    }
  }
  EXPECT_EQ(used, whole.size());  // nothing is stored in vain
}

TEST(VisionFolder, NoKeyOfTheConfigurationCanBreakIt) {
  const Folder folder("vit");
  const Json config = Json::parse(folder.config);
  const std::vector<Json> hostile{nullptr, true, -1, 0, 1, 3, 1e300, INT64_MAX, "text", Json::array(), Json::object()};
  for (const auto& [key, value] : config.items()) {
    for (const Json& other : hostile) {
      Json changed = config;
      changed[key] = other;
      const auto model = build_model(changed.dump(), folder.weights.index().table(), {.head = Head::kClassify});
      if (!model) EXPECT_NE(model.error().code, ErrorCode::kInternal) << key << other << model.error().message;
    }
  }
}

}  // namespace
}  // namespace ipfs_accelerate
