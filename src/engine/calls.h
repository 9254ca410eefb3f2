// Calls as JSON: what the page and the golden runner send the core, and what they (and users of the C ABI) get back.
#pragma once

#include <string>

#include "engine/core.h"

namespace ipfs_accelerate {

/// Carries out one call (request.h has its form) and gives its answer as JSON. Methods: "run" (RunResult), "load"
/// ({task, cid, labels}), "explain", "evaluate" ({outputs: [{name, shape, values: base64 of the bytes}], ids,
/// segments}), "devices", "unload" (null). kInvalidArgument for any other.
Async<std::string> carry_out(Core& core, std::string call, LoadListener listener, Stop stop);

/// {"status", "file", "source", "task", "loaded", "total"}; only what the event says.
std::string event_json(const LoadEvent& event);

}  // namespace ipfs_accelerate
