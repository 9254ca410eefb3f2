// How much faster several WebNN contexts are than one: measured, because no browser says how many threads it uses.
#pragma once

#include <functional>

#include "backend/webnn/webnn_port.h"

namespace ipfs_accelerate::webnn {

/// Throughput of all contexts at once over that of the first alone, with a chain of matrix products.
Async<double> gain_of(Webnn& port, std::vector<ContextId> contexts, std::string limits_json,
                      std::function<double()> now);

}  // namespace ipfs_accelerate::webnn
