// A WebGPU adapter by script: it computes what it is given, on the CPU backend; it takes its time, and goes away when
// told to.
#pragma once

#include <map>

#include "backend/backend.h"
#include "scenarios/world.h"

namespace ipfs_accelerate::scripted {

class ScriptedGpu final : public webgpu::Gpu {
 public:
  /// A recording does not say which graph it is of: it must be one of `graphs`, or of the self-check.
  ScriptedGpu(ScriptedHost& host, std::vector<Graph> graphs);
  ~ScriptedGpu() override;

  int lose_at = -1;    ///< the submission, from 0, during which the device goes away
  int fail_at = -1;    ///< the submission that fails on a device that stays
  double seconds = 0;  ///< each submission takes
  int submissions = 0, opened = 0;
  std::size_t buffers() const { return buffers_.size(); }  ///< that are held now, also of a device that is lost
  std::size_t plans() const { return plans_.size(); }
  void lose() { lost_ = "taken away"; }

  Async<std::vector<DeviceInfo>> list() override;
  Async<webgpu::OpenedGpu> open(Stop stop) override;
  std::string lost() const override { return lost_; }
  Async<webgpu::BufferId> buffer(std::int64_t size, ByteView bytes) override;
  Async<webgpu::MadePlan> plan(webgpu::Recording recording, std::vector<webgpu::BufferId> kept, Stop stop) override;
  Async<> submit(webgpu::PlanId plan, std::vector<ByteView> inputs,
                 std::vector<std::span<std::uint8_t>> outputs) override;
  void drop_buffer(webgpu::BufferId buffer) override { buffers_.erase(buffer); }
  void drop_plan(webgpu::PlanId plan) override { plans_.erase(plan); }

 private:
  struct Buffer {
    int device = 0;
    Bytes bytes;
    std::shared_ptr<Program> program;  ///< of a graph whose first state this is: the state lies in it
  };
  struct Plan {
    int device = 0;
    const Graph* graph = nullptr;
    std::unique_ptr<Executable> executable;
  };
  Result<> alive(int device) const;
  Async<std::shared_ptr<Program>> program_of(const Graph& graph, ShapeClass shape, Buffer* state, Stop stop);
  Result<const Graph*> graph_of(const webgpu::Recording& recording) const;

  ScriptedHost& host_;
  std::vector<Graph> graphs_;
  std::shared_ptr<Backend> cpu_;
  std::string lost_ = "it was not opened";
  std::map<webgpu::BufferId, Buffer> buffers_;
  std::map<webgpu::PlanId, Plan> plans_;
  std::int32_t last_ = 0;
};

/// An engine's host with this GPU.
struct GpuWorld : World {
  GpuWorld() : gpu(host, {model_graph()}), ports(host.host()) { ports.gpu = &gpu; }
  Request on_gpu(const Cid& cid, bool fallback) const;
  ScriptedGpu gpu;
  host::Host ports;
};

}  // namespace ipfs_accelerate::scripted
