// WebNN: a graph lowered to a list of MLGraphBuilder calls, as plain data. Runs in the page only (web/sdk builds it
// there).
#pragma once

#include "backend/backend.h"

namespace ipfs_accelerate::webnn {

/// `limits_json`: the page's context.opSupportLimits() as JSON. Why a node cannot be lowered; empty when it can.
std::string declines(const Graph& graph, const Node& node, std::string_view limits_json, const LoadOptions& options);

/// JSON: {"inputs":[{name,dtype,shape}], "constants":[{id,weight,dtype,shape,transpose}],
/// "ops":[{op,inputs,options,output}], "outputs":[{name,operand}]}; docs/webnn.md describes it. Shapes are bound: WebNN
/// graphs are static.
Result<std::string> lower(const Graph& graph, const ShapeClass& shape, std::string_view limits_json,
                          const LoadOptions& options);

}  // namespace ipfs_accelerate::webnn
