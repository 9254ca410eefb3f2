// Generation on the parts of a model: sequences side by side, forked, cut and dropped give the tokens that each gives
// alone; and what a token costs a GPU: one submission, a few bytes, nothing made.
#include "task/generation.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "backend/arrange_part.h"
#include "backend/cpu/cpu.h"
#include "backend/webgpu/gpu_backend.h"
#include "engine/loaded_parts.h"
#include "engine/pipeline_run.h"
#include "golden/model_folder.h"
#include "host/native/compute.h"
#include "host/native/dawn_gpu.h"
#include "store/test_folder.h"

namespace ipfs_accelerate {
namespace {

/// Counts what passes to the port of a device.
class CountingGpu final : public webgpu::Gpu {
 public:
  explicit CountingGpu(webgpu::Gpu& gpu) : gpu_(gpu) {}
  Async<std::vector<DeviceInfo>> list() override { return gpu_.list(); }
  Async<webgpu::OpenedGpu> open(Stop stop) override { return gpu_.open(std::move(stop)); }
  std::string lost() const override { return gpu_.lost(); }
  Async<webgpu::BufferId> buffer(std::int64_t size, ByteView bytes) override {
    ++made;
    return gpu_.buffer(size, bytes);
  }
  Async<webgpu::MadePlan> plan(webgpu::Recording recording, std::vector<webgpu::BufferId> kept, Stop stop) override {
    ++made;  // its buffers, pipelines and bind groups
    return gpu_.plan(std::move(recording), std::move(kept), std::move(stop));
  }
  Async<> submit(webgpu::PlanId plan, std::vector<ByteView> inputs,
                 std::vector<std::span<std::uint8_t>> outputs) override {
    ++submissions;
    for (const auto& output : outputs) read += output.size();
    return gpu_.submit(plan, std::move(inputs), std::move(outputs));
  }
  void drop_buffer(webgpu::BufferId buffer) override { gpu_.drop_buffer(buffer); }
  void drop_plan(webgpu::PlanId plan) override { gpu_.drop_plan(plan); }

  int made = 0, submissions = 0;
  std::size_t read = 0;

 private:
  webgpu::Gpu& gpu_;
};

/// Never destroyed: at exit the GPU driver may be gone before it.
struct Machine {
  host::Loop loop;
  host::NativeCompute compute{loop};
  host::DawnGpu dawn{loop};
  CountingGpu gpu{dawn};
  std::shared_ptr<Backend> cpu = cpu::make_backend(compute);
};
Machine& machine() {
  static Machine& kept = *new Machine;
  return kept;
}

/// A model on a device, and a task's run on it.
class OnDevice final : public PipelineRun {
 public:
  static Async<std::unique_ptr<OnDevice>> open(std::string folder, std::shared_ptr<Backend> device, int precision) {
    const ModelFolder files = co_await read_model_folder(std::filesystem::path(IA_SOURCE_DIR) / folder);
    auto pipeline = std::make_unique<Pipeline>(co_await Pipeline::open(files.files, files.tensors.index().table(), {}));
    std::unique_ptr<OnDevice> made(new OnDevice(std::move(pipeline)));
    const Choice choice{std::move(device), machine().cpu, "a test", ""};
    made->parts_ = co_await LoadedParts::open(made->pipeline_->parts(), choice, {.precision = precision}, Stop());
    const Graph& graph = made->pipeline_->parts().front().graph;
    for (const WeightId id : made->parts_->weights()) {
      std::vector<Bytes> kept;
      std::vector<WeightPart> parts;
      for (const std::string& name : graph.weight(id).parts) {
        const TensorFiles::Stored stored = co_await files.tensors.stored(name);
        WeightPart part{stored.info.dtype, stored.info.shape, stored.bytes};
        kept.push_back(co_await arrange_part(graph.weight(id), part));
        parts.push_back(std::move(part));
      }
      co_await made->parts_->upload(id, std::move(parts), Stop());
    }
    co_return made;
  }
  Async<std::vector<NamedTensor>> compute(std::string part, Batch inputs, std::vector<std::string> wanted) override {
    return parts_->compute(std::move(part), std::move(inputs), std::move(wanted), Stop());
  }
  Async<> reserve_states(ShapeClass pages) override { return parts_->reserve_states(std::move(pages), Stop()); }
  int precision() const override { return parts_->precision(); }
  const LoadedParts& parts() const { return *parts_; }

 private:
  explicit OnDevice(std::unique_ptr<Pipeline> pipeline)
      : PipelineRun(*pipeline, TaskOptions{}), pipeline_(std::move(pipeline)) {}
  std::unique_ptr<Pipeline> pipeline_;
  std::unique_ptr<LoadedParts> parts_;
};

/// `count` tokens that follow a prompt, one run for each.
Async<Tokens> alone(TaskRun& run, Tokens prompt, std::size_t count) {
  const auto decoder = co_await Decoder::open(run, 1, static_cast<std::int64_t>(prompt.size() + count));
  Tokens made;
  std::vector<Tokens> next{std::move(prompt)};
  while (made.size() < count) {
    made.push_back((co_await decoder->feed(std::move(next))).front());
    next = {{made.back()}};
  }
  co_return made;
}

template <class T>
T must(Async<T> work) {
  auto done = machine().loop.block_on(std::move(work));
  if (!done) throw std::runtime_error(done.error().message);
  return *std::move(done);
}

const std::vector<Tokens> kPrompts{
    {5, 17, 200, 31, 44, 9, 300, 2, 3, 4, 90, 91, 92, 93, 94, 95, 96}, {7}, {250, 251, 11, 12}};

/// Sequences of unequal length that begin and end at different times.
Async<std::vector<Tokens>> interleaved(TaskRun& run, std::size_t count) {
  const auto decoder = co_await Decoder::open(run, kPrompts.size(), 40);
  std::vector<Tokens> made(kPrompts.size()), next(kPrompts.size());
  for (std::size_t step = 0; step < count + kPrompts.size(); ++step) {
    for (std::size_t i = 0; i < made.size(); ++i) {
      if (step == i) next[i] = kPrompts[i];  // sequence i begins i steps late
    }
    const Tokens tokens = co_await decoder->feed(std::exchange(next, std::vector<Tokens>(kPrompts.size())));
    for (std::size_t i = 0; i < made.size(); ++i) {
      if (tokens[i] < 0) continue;
      made[i].push_back(tokens[i]);
      if (made[i].size() < count) next[i] = {tokens[i]};
    }
  }
  co_return made;
}

class Generation : public testing::TestWithParam<std::pair<std::string, int>> {
 protected:
  static std::shared_ptr<Backend> device() {
    if (GetParam().first == "cpu") return machine().cpu;
    static const std::shared_ptr<Backend> gpu =
        must(webgpu::GpuBackend::open_unchecked(machine().gpu, &machine().compute, Stop()));
    return gpu;
  }
  static OnDevice& model() {
    static std::map<std::pair<std::string, int>, std::unique_ptr<OnDevice>>& models =
        *new std::map<std::pair<std::string, int>, std::unique_ptr<OnDevice>>;
    auto& kept = models[GetParam()];
    if (!kept) kept = must(OnDevice::open("tests/fixtures/gpt2", device(), GetParam().second));
    return *kept;
  }
};

TEST_P(Generation, SideBySideIsAsAlone) {
  constexpr std::size_t kCount = 20;  // over a page border
  const auto together = must(interleaved(model(), kCount));
  for (std::size_t i = 0; i < kPrompts.size(); ++i) {
    EXPECT_EQ(together[i], must(alone(model(), kPrompts[i], kCount))) << i;
  }
}

TEST_P(Generation, PromptsInPiecesAreAsWhole) {
  const auto in_pieces = [](TaskRun& run) -> Async<std::int32_t> {
    const auto decoder = co_await Decoder::open(run, 1, 20);
    const Tokens& prompt = kPrompts[0];
    co_await decoder->feed({Tokens(prompt.begin(), prompt.begin() + 5)});
    co_await decoder->feed({Tokens(prompt.begin() + 5, prompt.begin() + 6)});
    co_return (co_await decoder->feed({Tokens(prompt.begin() + 6, prompt.end())})).front();
  };
  EXPECT_EQ(must(in_pieces(model())), must(alone(model(), kPrompts[0], 1)).front());
}

/// What a token costs once shapes are compiled.
TEST_P(Generation, ATokenIsOneSubmissionAndFourBytes) {
  if (GetParam().first != "webgpu") GTEST_SKIP() << "counted on a device's port";
  const auto counted = [](TaskRun& run) -> Async<> {
    const auto decoder = co_await Decoder::open(run, 1, 60);
    CountingGpu& gpu = machine().gpu;
    Tokens last = co_await decoder->feed({kPrompts[0]});
    last = co_await decoder->feed({last});  // compiles the shape of single tokens
    const int made = gpu.made, submissions = gpu.submissions;
    const std::size_t read = gpu.read;
    constexpr int kTokens = 32;
    for (int i = 0; i < kTokens; ++i) last = co_await decoder->feed({last});
    EXPECT_EQ(gpu.made, made) << "buffers, pipelines or bind groups were made";
    EXPECT_EQ(gpu.submissions - submissions, kTokens);
    EXPECT_EQ(gpu.read - read, kTokens * sizeof(std::int32_t));
  };
  ASSERT_TRUE(machine().loop.block_on(counted(model())));
}

TEST_P(Generation, TakesTheMemoryThatWasPredicted) {
  must(alone(model(), kPrompts[2], 2));
  const auto memory = model().parts().memory();
  ASSERT_TRUE(memory) << memory.error().message;
  EXPECT_EQ(memory->first, memory->second);
  EXPECT_GT(memory->second.states, 0);
}

TEST_P(Generation, RefusesWhatIsBeyondTheContext) {
  const auto decoder = machine().loop.block_on(Decoder::open(model(), 1, 65));
  ASSERT_FALSE(decoder);
  EXPECT_EQ(decoder.error().code, ErrorCode::kLimitExceeded);
  EXPECT_NE(decoder.error().message.find("64"), std::string::npos) << decoder.error().message;
}

/// A copy of the model whose position `position` overflows: finite, but too large for a sum.
void overflow_at(const std::filesystem::path& folder, std::size_t position) {
  std::filesystem::copy(std::filesystem::path(IA_SOURCE_DIR) / "tests/fixtures/gpt2", folder);
  std::fstream file(folder / "model.safetensors", std::ios::in | std::ios::out | std::ios::binary);
  std::uint64_t size = 0;
  file.read(reinterpret_cast<char*>(&size), 8);
  std::string header(size, ' ');
  file.read(header.data(), static_cast<std::streamsize>(size));
  const nlohmann::json table = nlohmann::json::parse(header)["wpe.weight"];
  const std::vector<float> row(table["shape"][1].get<std::size_t>(), 3e38f);
  const std::size_t begin = 8 + size + table["data_offsets"][0].get<std::size_t>() + position * row.size() * 4;
  file.seekp(static_cast<std::streamoff>(begin));
  file.write(reinterpret_cast<const char*>(row.data()), static_cast<std::streamsize>(row.size() * 4));
  ASSERT_TRUE(file.good());
}

TEST_P(Generation, ScoresThatAreNotFiniteAreNoToken) {
  const store::TestFolder folder;
  overflow_at(folder.path / "model", 12);
  const auto run = must(OnDevice::open((folder.path / "model").string(), device(), GetParam().second));
  const Tokens expected = must(alone(model(), kPrompts[2], 6));
  const auto fails = [&](auto made, const std::string& where) {
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::kNotFinite) << made.error().message;
    EXPECT_NE(made.error().message.find(where), std::string::npos) << made.error().message;
  };
  const auto beside = [](TaskRun& task) -> Async<Tokens> {
    const auto decoder = co_await Decoder::open(task, 2, 20);
    co_return co_await decoder->feed({kPrompts[2], kPrompts[0]});
  };
  for (int again = 0; again < 2; ++again) {  // what the states hold of a run that failed does no harm
    EXPECT_EQ(must(alone(*run, kPrompts[2], 6)), expected);
    fails(machine().loop.block_on(alone(*run, kPrompts[0], 1)), "text_generation (gpt2): sequence 0");
    fails(machine().loop.block_on(alone(*run, kPrompts[2], 20)), "the token at position 13:");
    fails(machine().loop.block_on(beside(*run)), "sequence 1 has no finite scores for the token at position 17:");
  }
}

INSTANTIATE_TEST_SUITE_P(All, Generation,
                         testing::Values(std::pair("cpu", 32), std::pair("cpu", 16), std::pair("webgpu", 32)),
                         [](const auto& info) { return info.param.first + std::to_string(info.param.second); });

}  // namespace
}  // namespace ipfs_accelerate
