// Webnn: the port to navigator.ml, which only pages have. It builds and dispatches graphs, and decides nothing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "base/async.h"
#include "base/stop.h"

namespace ipfs_accelerate::webnn {

using ContextId = std::int32_t;
using ConstantId = std::int32_t;
using GraphId = std::int32_t;

struct OpenedContext {
  ContextId id = 0;
  std::string limits_json;          ///< context.opSupportLimits()
  std::optional<bool> accelerated;  ///< whether a GPU or NPU computes; nothing when the browser does not say
  std::string browser{};            ///< its name, as in DeviceInfo
};

class Webnn {
 public:
  virtual ~Webnn() = default;
  /// A new context. kNoAdapter says what is missing; kCancelled.
  virtual Async<OpenedContext> open(Stop stop) = 0;
  virtual void drop_context(ContextId context) = 0;
  /// Bytes of a weight as the graphs want it, kept by the page until dropped; they must live until this ends.
  virtual Async<ConstantId> constant(ByteView bytes) = 0;
  virtual void drop_constant(ConstantId constant) = 0;
  /// Builds a lowered graph (docs/webnn.md) with its tensors. `constants`: one for each of its constants that name a
  /// weight, in their order. A build under way is waited for. kUnsupportedOp, kOutOfMemory, kDeviceLost,
  /// kCancelled.
  virtual Async<GraphId> build(ContextId context, std::string lowered_json, std::vector<ConstantId> constants,
                               Stop stop) = 0;
  /// Writes `inputs`, dispatches, reads every output. In the lowered graph's order; bytes must live until this ends.
  virtual Async<> dispatch(GraphId graph, std::vector<ByteView> inputs,
                           std::vector<std::span<std::uint8_t>> outputs) = 0;
  virtual void drop_graph(GraphId graph) = 0;
};

}  // namespace ipfs_accelerate::webnn
