// FakeBackend: answers every graph with one number, without computing. A reference for tests of self-checks.
#pragma once

#include <algorithm>

#include "backend/backend.h"

namespace ipfs_accelerate {

class FakeBackend final : public Backend {
 public:
  explicit FakeBackend(float answer) : answer_(answer) {}
  const DeviceInfo& device() const override { return info_; }
  std::string declines(const Graph&, const Node&, const LoadOptions&) const override { return {}; }
  Result<Memory> predict(const Graph&, const ShapeClass&, const LoadOptions&) const override { return Memory{}; }
  Async<std::unique_ptr<Program>> load(Graph, LoadOptions, Stop) override {
    ++loads;
    co_return std::make_unique<FakeProgram>(answer_);
  }
  int loads = 0;

  static void fill(std::span<std::uint8_t> bytes, float answer) {
    std::ranges::fill(std::span(reinterpret_cast<float*>(bytes.data()), bytes.size() / 4), answer);
  }

 private:
  struct FakeProgram final : Program {
    explicit FakeProgram(float answer) : answer(answer) {}
    Async<> upload(WeightId, std::vector<WeightPart>, Stop) override { co_return; }
    Async<> make_states(ShapeClass, Stop) override { co_return; }
    Async<std::unique_ptr<Executable>> compile(ShapeClass, Stop, std::shared_ptr<const Graph>) override {
      co_return std::make_unique<FakeExecutable>(answer);
    }
    int precision() const override { return 32; }
    std::int64_t weight_bytes() const override { return 0; }
    std::int64_t state_bytes() const override { return 0; }
    std::vector<std::string> optimizations() const override { return {}; }
    float answer;
  };
  struct FakeExecutable final : Executable {
    explicit FakeExecutable(float answer) : answer(answer) {}
    Async<> run(std::vector<TensorRef>, std::vector<MutableTensorRef> outputs, Stop) override {
      for (const MutableTensorRef& output : outputs) fill(output.bytes, answer);
      co_return;
    }
    std::int64_t memory_bytes() const override { return 0; }
    float answer;
  };
  float answer_;
  DeviceInfo info_;
};

}  // namespace ipfs_accelerate
