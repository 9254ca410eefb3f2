// WebNN: a graph lowered to a list of MLGraphBuilder calls, as plain data (docs/webnn.md).
#pragma once

#include "backend/backend.h"

namespace ipfs_accelerate::webnn {

/// `limits_json`: the page's context.opSupportLimits() as JSON. Why a node cannot be lowered; empty when it can.
std::string declines(const Graph& graph, const Node& node, std::string_view limits_json, const LoadOptions& options);

/// The lowered graph as JSON, in the form of docs/webnn.md. Shapes are bound: WebNN graphs are static.
Result<std::string> lower(const Graph& graph, const ShapeClass& shape, std::string_view limits_json,
                          const LoadOptions& options);

}  // namespace ipfs_accelerate::webnn
