// Decoder models of the fixtures on every device that tests can have, below the tasks.
#pragma once

#include <gtest/gtest.h>

#include "engine/loaded_parts.h"
#include "engine/pipeline_run.h"
#include "host/native/compute.h"
#include "host/native/dawn_gpu.h"
#include "task/decoder.h"

namespace ipfs_accelerate {

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
  Machine();
  host::Loop loop;
  host::NativeCompute compute{loop};
  host::DawnGpu dawn{loop};
  CountingGpu gpu{dawn};
  std::shared_ptr<Backend> cpu;
};
Machine& machine();

template <class T>
T must(Async<T> work) {
  auto done = machine().loop.block_on(std::move(work));
  if (!done) throw std::runtime_error(done.error().message);
  if constexpr (!std::is_void_v<T>) return *std::move(done);
}

/// A model on a device, and a task's run on it.
class OnDevice final : public PipelineRun {
 public:
  static Async<std::unique_ptr<OnDevice>> open(std::string folder, Choice choice, LoadOptions options);
  Async<std::vector<NamedTensor>> compute(std::string part, Batch inputs, std::vector<std::string> wanted) override {
    return parts_->compute(std::move(part), std::move(inputs), std::move(wanted), Stop());
  }
  Async<> reserve_states(ShapeClass pages) override { return parts_->reserve_states(std::move(pages), Stop()); }
  int precision() const override { return parts_->precision(); }
  const LoadedParts& parts() const { return *parts_; }
  const Pipeline& pipeline() const { return *pipeline_; }

 private:
  explicit OnDevice(std::unique_ptr<Pipeline> pipeline)
      : PipelineRun(*pipeline, TaskOptions{}), pipeline_(std::move(pipeline)) {}
  std::unique_ptr<Pipeline> pipeline_;
  std::unique_ptr<LoadedParts> parts_;
};

/// A decoder of sequences that attend to these texts (by number), where the model reads any, and `spare` more.
Async<std::unique_ptr<Decoder>> open_decoder(TaskRun& run, std::vector<std::size_t> texts, std::int64_t rows,
                                             std::size_t spare = 0);

struct Where {
  std::string fixture, platform;
  int precision = 32;
  auto operator<=>(const Where&) const = default;
  friend void PrintTo(const Where& where, std::ostream* out) {
    *out << where.fixture << " on " << where.platform << ", precision " << where.precision;
  }
};
/// Tests with a model somewhere, which they share.
class OnEveryDevice : public testing::TestWithParam<Where> {
 protected:
  static Choice choice();
  static Async<std::unique_ptr<OnDevice>> open_model();
  static OnDevice& model();
};

inline std::vector<Where> everywhere() {
  std::vector<Where> all;
  for (const char* fixture : {"gpt2", "llama-tied", "t5"}) {
    for (const auto& [platform, precision] : {std::pair("cpu", 32), std::pair("cpu", 16), std::pair("webgpu", 32)}) {
      all.push_back({fixture, platform, precision});
    }
  }
  return all;
}
inline std::string where_name(const testing::TestParamInfo<Where>& info) {
  std::string name = info.param.fixture + "_" + info.param.platform + std::to_string(info.param.precision);
  std::ranges::replace(name, '-', '_');
  return name;
}

}  // namespace ipfs_accelerate
