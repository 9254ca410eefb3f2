// The device ports, carried out by the page: navigator.gpu and navigator.ml. Handles and numbers, no decisions.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "border.h"
#include "host/host.h"

namespace ipfs_accelerate::page {

class PageGpu final : public webgpu::Gpu {
 public:
  PageGpu(Border& border, std::string browser) : border_(border), browser_(std::move(browser)) {}
  Async<std::vector<DeviceInfo>> list() override;
  Async<webgpu::OpenedGpu> open(Stop stop) override;
  std::string lost() const override { return lost_; }
  Async<webgpu::BufferId> buffer(std::int64_t size, ByteView bytes) override;
  Async<webgpu::MadePlan> plan(webgpu::Recording recording, std::vector<webgpu::BufferId> kept, Stop stop) override;
  Async<> submit(webgpu::PlanId plan, std::vector<ByteView> inputs,
                 std::vector<std::span<std::uint8_t>> outputs) override;
  void drop_buffer(webgpu::BufferId buffer) override;
  void drop_plan(webgpu::PlanId plan) override;

 private:
  void watch(int device);
  DeviceInfo describe(const nlohmann::json& adapter) const;
  Border& border_;
  std::string browser_;
  std::string lost_;
  int device_ = 0;  ///< the page's number of the open device
};

class PageWebnn final : public webnn::Webnn {
 public:
  PageWebnn(Border& border, std::string browser) : border_(border), browser_(std::move(browser)) {}
  Async<webnn::OpenedContext> open(Stop stop) override;
  void drop_context(webnn::ContextId context) override;
  Async<webnn::ConstantId> constant(ByteView bytes) override;
  void drop_constant(webnn::ConstantId constant) override;
  Async<webnn::GraphId> build(webnn::ContextId context, std::string lowered_json,
                              std::vector<webnn::ConstantId> constants, Stop stop) override;
  Async<> dispatch(webnn::GraphId graph, std::vector<ByteView> inputs,
                   std::vector<std::span<std::uint8_t>> outputs) override;
  void drop_graph(webnn::GraphId graph) override;

 private:
  Border& border_;
  std::string browser_;
};

}  // namespace ipfs_accelerate::page
