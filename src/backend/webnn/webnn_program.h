// A graph on WebNN: constants once, then built graphs per shape class, one or one per context.
#pragma once

#include <map>
#include <memory>

#include "backend/backend.h"
#include "backend/webnn/webnn_device.h"

namespace ipfs_accelerate::webnn {

class WebnnProgram final : public Program {
 public:
  /// precision: 32, or 16 where the device has it.
  WebnnProgram(std::shared_ptr<WebnnDevice> device, Graph graph, int asked, int precision);
  Async<> upload(WeightId id, std::vector<WeightPart> parts, Stop stop) override;
  Async<> make_states(ShapeClass sizes, Stop stop) override;
  Async<std::unique_ptr<Executable>> compile(ShapeClass shape, Stop stop, std::shared_ptr<const Graph> part) override;
  int precision() const override { return precision_; }
  std::int64_t weight_bytes() const override { return *bytes_; }
  std::int64_t state_bytes() const override { return 0; }
  std::vector<std::string> optimizations() const override { return optimizations_; }

 private:
  Async<std::vector<ContextId>> contexts_for(const Graph& graph, const ShapeClass& shape, Stop stop);

  std::shared_ptr<WebnnDevice> device_;
  std::shared_ptr<const Graph> graph_;
  int precision_;
  std::vector<std::string> optimizations_;
  /// By weight. Every built graph has its own copy besides: WebNN's graphs cannot share constants.
  std::map<WeightId, std::shared_ptr<const ConstantId>> constants_;
  std::shared_ptr<std::int64_t> bytes_ = std::make_shared<std::int64_t>(0);  ///< of constants_
};

/// What a program and one of its executables take at `precision`, on `contexts` contexts.
Memory predict(const Graph& graph, const ShapeClass& shape, int precision, std::size_t contexts);

/// The symbol along which runs can be computed apart: the first dimension of every value that goes in or out. None when
/// they differ.
SymbolId split_symbol(const Graph& graph);

}  // namespace ipfs_accelerate::webnn
