// Self-check: a tiny model with every operation on a device, against the CPU.
#pragma once

#include <functional>

#include "backend/backend.h"

namespace ipfs_accelerate {

/// The device under check, with the features it is to be checked with.
struct CheckedDevice {
  std::function<Async<std::unique_ptr<Program>>(Graph graph, Stop stop)> load;
  std::function<std::string(const Graph& graph, const Node& node)> declines;  ///< such nodes run on the reference
  int precision = 32;                                                         ///< decides what may differ
};

/// What is wrong, and in which part; empty when the numbers are right. Ends with an error only when nothing was found
/// out: the device or the reference is of no use any more (kDeviceLost), or the caller asked to stop (kCancelled).
Async<std::string> self_check(CheckedDevice device, Backend& reference, Stop stop);

}  // namespace ipfs_accelerate
