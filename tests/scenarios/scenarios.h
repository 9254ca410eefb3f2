// Whole engine runs on the scripted host. The same code runs natively, in Node and in browsers, and must leave the same
// trace of port requests above the device port.
#pragma once

#include <string>
#include <vector>

namespace ipfs_accelerate::scripted {

struct Outcome {
  std::string name;
  std::string trace;                  ///< every port request, and what the caller got
  std::vector<std::string> problems;  ///< what was not as it must be
};

/// Every scenario, in order, or one kind: "cold", "sources", "order", "full", "damage", "cancel", "beside", "lost",
/// "shared", "names".
std::vector<Outcome> run_scenarios(const std::string& only = {});
/// Their traces, one after the other, as they are compared.
std::string traces_of(const std::vector<Outcome>& outcomes);

}  // namespace ipfs_accelerate::scripted
