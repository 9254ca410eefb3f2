// What the test programs answer beyond the shipped ones.
#pragma once

#include <nlohmann/json.hpp>

#include "bindings/wasm/page.h"

namespace ipfs_accelerate::page {

/// Conformance cases on one of the page's backends. {"platform", "precision"?, "scale"?, "subset"?, "lanes"?} ->
/// {"all", "ran", "declined": [...], "wrong": [...], "kinds", "pipelines"?, "variants"?}; see conformance_calls.cpp.
Async<nlohmann::json> conformance(host::Host& host, nlohmann::json json, Stop stop);

}  // namespace ipfs_accelerate::page
