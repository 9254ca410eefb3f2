// Optional inputs on a model's parts: a BERT with and without token types gives what was recorded, each in a shape
// class of its own, whose memory is as predicted.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "backend/arrange_part.h"
#include "backend/cpu/cpu.h"
#include "backend/webgpu/gpu_backend.h"
#include "engine/batching.h"
#include "engine/loaded_parts.h"
#include "golden/model_folder.h"
#include "host/native/compute.h"
#include "host/native/dawn_gpu.h"
#include "task/run.h"

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::json;
using Outputs = std::map<std::string, Tensor>;
constexpr const char* kTypes = "token_type_ids";

/// Passes everything on, and remembers what was compiled. `declined`: names an op.
class Watched final : public Backend {
 public:
  Watched(Backend& inner, std::string declined) : inner_(inner), info_(inner.device()), declined_(std::move(declined)) {
    info_.platform = "watched";
  }
  const DeviceInfo& device() const override { return info_; }
  std::string declines(const Graph& graph, const Node& node, const LoadOptions& options) const override {
    return op_name(node.op) == declined_ ? "not wanted here" : inner_.declines(graph, node, options);
  }
  Result<Memory> predict(const Graph& graph, const ShapeClass& shape, const LoadOptions& options) const override {
    return inner_.predict(graph, shape, options);
  }
  Async<std::unique_ptr<Program>> load(Graph graph, LoadOptions options, Stop stop) override {
    co_return std::make_unique<WatchedProgram>(co_await inner_.load(std::move(graph), options, stop), *this);
  }
  std::vector<ShapeClass> compiled;
  std::vector<std::size_t> inputs;  ///< of each

 private:
  struct WatchedProgram final : Program {
    WatchedProgram(std::unique_ptr<Program> inner, Watched& by) : inner(std::move(inner)), by(by) {}
    Async<> upload(WeightId id, std::vector<WeightPart> parts, Stop stop) override {
      return inner->upload(id, std::move(parts), std::move(stop));
    }
    Async<> make_states(ShapeClass sizes, Stop stop) override {
      return inner->make_states(std::move(sizes), std::move(stop));
    }
    Async<std::unique_ptr<Executable>> compile(ShapeClass shape, Stop stop,
                                               std::shared_ptr<const Graph> part) override {
      by.compiled.push_back(shape);
      by.inputs.push_back(part->inputs.size());
      return inner->compile(std::move(shape), std::move(stop), std::move(part));
    }
    int precision() const override { return inner->precision(); }
    std::int64_t weight_bytes() const override { return inner->weight_bytes(); }
    std::int64_t state_bytes() const override { return inner->state_bytes(); }
    std::vector<std::string> optimizations() const override { return inner->optimizations(); }
    std::unique_ptr<Program> inner;
    Watched& by;
  };
  Backend& inner_;
  DeviceInfo info_;
  std::string declined_;
};

/// Never destroyed: at exit the GPU driver may be gone before it.
struct Machine {
  host::Loop loop;
  host::NativeCompute compute{loop};
  host::DawnGpu gpu{loop};
  std::shared_ptr<Backend> cpu = cpu::make_backend(compute);
};
Machine& machine() {
  static Machine& kept = *new Machine;
  return kept;
}

template <class T>
T must(Async<T> work) {
  auto done = machine().loop.block_on(std::move(work));
  if (!done) throw std::runtime_error(done.error().message);
  return *std::move(done);
}

Backend& backend_named(const std::string& name) {
  if (name == "cpu") return *machine().cpu;
  static const auto gpu = must(webgpu::GpuBackend::open_unchecked(machine().gpu, &machine().compute, Stop()));
  return *gpu;
}

/// tests/fixtures/bert-mlm with every output, on a device that is watched.
class Bert {
 public:
  Bert(const std::string& backend, const std::string& declined)
      : folder_(std::filesystem::path(IA_SOURCE_DIR) / "tests/fixtures/bert-mlm"),
        files_(read_model_folder(folder_).value()),
        golden_(Json::parse(read_text(folder_ / "golden.json").value())),
        pipeline_(
            Pipeline::open(files_.files, files_.tensors.index().table(), {.hidden_states = true, .all_tokens = true})
                .value()),
        device(std::make_shared<Watched>(backend_named(backend), declined)),
        choice{device, machine().cpu, "a test", ""},
        parts(must(LoadedParts::open(pipeline_.parts(), choice, {}, Stop()))) {
    EXPECT_TRUE(recorded_.add(folder_ / "golden.safetensors"));
    machine().loop.block_on(upload()).value();
  }

  const Graph& graph() const { return pipeline_.graph(); }
  Json one_case(const std::string& name) const {
    const auto found = std::ranges::find_if(golden_["cases"], [&](const Json& one) { return one["name"] == name; });
    return *found;
  }
  /// The case's tensors by the graph's names.
  std::vector<NamedTensor> inputs_of(const Json& one_case) const {
    std::vector<NamedTensor> inputs;
    for (const auto& [name, tensor] : one_case["inputs"].items()) {
      inputs.emplace_back(name, recorded_.ints(tensor).value());
    }
    Tensor positions = Tensor::i32(inputs.front().second.shape);
    const auto columns = static_cast<std::size_t>(positions.shape[1]);
    for (std::size_t i = 0; i < positions.i32s().size(); ++i) {
      positions.i32s()[i] = static_cast<std::int32_t>(i % columns);
    }
    inputs.emplace_back("position_ids", std::move(positions));
    return inputs;
  }
  Result<Outputs> run(std::vector<NamedTensor> inputs) {
    std::vector<std::string> wanted;
    for (const ValueId id : graph().outputs) wanted.push_back(graph().value(id).name);
    IA_ASSIGN(Batch batch, named_batch(graph(), std::move(inputs)));
    IA_ASSIGN(auto outputs, machine().loop.block_on(parts->compute("model", std::move(batch), wanted, Stop())));
    return Outputs(std::make_move_iterator(outputs.begin()), std::make_move_iterator(outputs.end()));
  }
  /// Recorded outputs that were compared, where the mask is 1.
  std::size_t compare(const Json& one_case, const Outputs& outputs) const {
    const Tensor mask = recorded_.ints(one_case["inputs"]["attention_mask"]).value();
    std::size_t count = 0;
    for (const auto& [name, tensor] : one_case["outputs"].items()) {
      const auto found = outputs.find(name);
      if (found == outputs.end()) continue;
      const Tensor expected = recorded_.floats(tensor).value();
      EXPECT_EQ(found->second.shape, expected.shape) << name;
      const auto columns = static_cast<std::size_t>(expected.shape.back());
      double worst = 0;
      for (std::size_t i = 0; i < expected.f32s().size(); ++i) {
        if (mask.i32s()[i / columns] == 0) continue;
        const double difference = std::abs(double{found->second.f32s()[i]} - expected.f32s()[i]);
        worst = difference <= worst ? worst : difference;  // NaN goes on
      }
      EXPECT_LE(worst, one_case["tolerance"]["abs"].get<double>()) << one_case["name"] << " " << name;
      ++count;
    }
    return count;
  }

 private:
  Async<> upload() {
    for (const WeightId id : parts->weights()) {
      std::vector<Bytes> kept;
      std::vector<WeightPart> stored_parts;
      for (const std::string& name : graph().weight(id).parts) {
        const TensorFiles::Stored stored = co_await files_.tensors.stored(name);
        WeightPart part{stored.info.dtype, stored.info.shape, stored.bytes};
        kept.push_back(co_await arrange_part(graph().weight(id), part));
        stored_parts.push_back(std::move(part));
      }
      co_await parts->upload(id, std::move(stored_parts), Stop());
    }
  }

  std::filesystem::path folder_;
  ModelFolder files_;
  Json golden_;
  TensorFiles recorded_;
  Pipeline pipeline_;

 public:
  std::shared_ptr<Watched> device;
  Choice choice;
  std::unique_ptr<LoadedParts> parts;
};

std::vector<NamedTensor> without_types(std::vector<NamedTensor> inputs) {
  std::erase_if(inputs, [](const NamedTensor& one) { return one.first == kTypes; });
  return inputs;
}
std::vector<NamedTensor> with_types(std::vector<NamedTensor> inputs, std::int32_t type) {
  for (auto& [name, tensor] : inputs) {
    if (name == kTypes) std::ranges::fill(tensor.i32s(), type);
  }
  return inputs;
}
bool equal_bytes(const Outputs& a, const Outputs& b) {
  return std::ranges::equal(a, b, [](const auto& x, const auto& y) {
    return x.first == y.first && x.second.shape == y.second.shape && x.second.bytes == y.second.bytes;
  });
}

/// Backend, and what of the model it declines.
class OptionalInputs : public testing::TestWithParam<std::pair<std::string, std::string>> {
 protected:
  Bert bert{GetParam().first, GetParam().second};
};

TEST_P(OptionalInputs, BothWaysGiveWhatWasRecorded) {
  const Json forward = bert.one_case("forward"), pair = bert.one_case("pair");
  const auto singles = bert.inputs_of(forward), pairs = bert.inputs_of(pair);
  for (int round = 0; round < 2; ++round) {  // each again, from the cache
    const auto untyped = bert.run(without_types(singles)), typed = bert.run(pairs);
    ASSERT_TRUE(untyped) << untyped.error().message;
    ASSERT_TRUE(typed) << typed.error().message;
    EXPECT_EQ(bert.compare(forward, *untyped), 4u);
    EXPECT_EQ(bert.compare(pair, *typed), 3u);
  }
}

TEST_P(OptionalInputs, EachHasAClassOfItsOwn) {
  const auto inputs = bert.inputs_of(bert.one_case("pair"));
  const auto zeros = bert.run(with_types(inputs, 0)), ones = bert.run(with_types(inputs, 1));
  const auto left_out = bert.run(without_types(inputs));
  const auto again = bert.run(with_types(inputs, 1)), left_out_again = bert.run(without_types(inputs));
  for (const auto* one : {&zeros, &ones, &left_out, &again, &left_out_again}) {
    ASSERT_TRUE(*one) << one->error().message;
  }
  EXPECT_TRUE(equal_bytes(*left_out, *zeros));
  EXPECT_TRUE(equal_bytes(*left_out_again, *zeros));
  EXPECT_TRUE(equal_bytes(*again, *ones));
  EXPECT_FALSE(equal_bytes(*ones, *zeros));
  const auto segments = static_cast<std::ptrdiff_t>(bert.parts->plan().segments.size());
  const bool declined = !GetParam().second.empty();  // embed alone, the first node, is on the CPU then
  EXPECT_EQ(segments, declined ? 2 : 1);
  ASSERT_EQ(bert.device->compiled.size(), 2u);
  ShapeClass untyped = bert.device->compiled[0];
  untyped.leave_out(kTypes);
  EXPECT_EQ(bert.device->compiled[1], untyped);
  EXPECT_EQ(bert.device->inputs[1], bert.device->inputs[0] - (declined ? 0 : 1));
}

TEST_P(OptionalInputs, MemoryIsAsPredictedInBoth) {
  const auto inputs = bert.inputs_of(bert.one_case("pair"));
  std::int64_t taken = 0;
  for (const auto& given : {inputs, without_types(inputs)}) {
    const auto outputs = bert.run(given);
    ASSERT_TRUE(outputs) << outputs.error().message;
    const auto memory = bert.parts->memory();
    ASSERT_TRUE(memory) << memory.error().message;
    EXPECT_EQ(memory->first, memory->second);
    // What this class adds is what is said of it before anything is loaded.
    const auto said = predict(bert.parts->plan(), bert.device->compiled.back(), bert.choice, {});
    ASSERT_TRUE(said) << said.error().message;
    EXPECT_EQ(said->activations, memory->second.activations - taken);
    EXPECT_EQ(said->weights, memory->second.weights);
    taken = memory->second.activations;
  }
}

TEST_P(OptionalInputs, OthersAreNeeded) {
  auto inputs = bert.inputs_of(bert.one_case("pair"));
  std::erase_if(inputs, [](const NamedTensor& one) { return one.first == "input_ids"; });
  const auto refused = bert.run(inputs);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  ShapeClass shape{{kBatch, 1}, {kSequence, 8}};
  shape.leave_out("input_ids");
  EXPECT_EQ(predict(bert.parts->plan(), shape, bert.choice, {}).error().code, ErrorCode::kInvalidArgument);
}

INSTANTIATE_TEST_SUITE_P(Devices, OptionalInputs,
                         testing::Values(std::pair("cpu", ""), std::pair("cpu", "embed"), std::pair("webgpu", ""),
                                         std::pair("webgpu", "embed")),
                         [](const auto& info) {
                           return info.param.first + (info.param.second.empty() ? "" : "_split");
                         });

}  // namespace
}  // namespace ipfs_accelerate
