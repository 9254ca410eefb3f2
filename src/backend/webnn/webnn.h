// The WebNN backend: graphs lowered as plain data, built and dispatched by whatever stands behind the port Webnn.
#pragma once

#include <functional>

#include "backend/backend.h"
#include "backend/webnn/webnn_port.h"

namespace ipfs_accelerate::webnn {

inline constexpr int kMostContexts = 4;

/// Opens a context and checks it against `reference` (the CPU backend); f16 is checked at the first load at precision
/// 16. `now`: seconds, for measuring how many contexts compute side by side; at most `processors` of them are tried.
/// Port and reference must live as long as the backend and what it made. kNoAdapter, kSelfCheckFailed,
/// kCancelled.
Async<std::unique_ptr<Backend>> make_backend(Webnn& port, Backend& reference, std::function<double()> now,
                                             int processors, Stop stop);

/// Of a backend that make_backend() gave: whether the browser took the context away; open another then.
bool is_lost(const Backend& backend);
/// Whether the browser says that a GPU or NPU computes.
bool is_accelerated(const Backend& backend);

}  // namespace ipfs_accelerate::webnn
