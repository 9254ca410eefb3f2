// One model folder against its golden.json: every forward case, token ids, and the recorded answers.
#pragma once

#include "golden/model_runner.h"

namespace ipfs_accelerate {

struct GoldenReport {
  std::size_t cases = 0;
  double worst_error = 0;    ///< largest absolute difference
  std::string worst_output;  ///< where: "forward hidden_states.2"
  double worst_cosine = 1;   ///< smallest cosine between a whole output and the recorded one
  bool ids_equal = true;     ///< tokenizing the recorded texts gave the recorded inputs
  std::size_t declined_nodes = 0;
  std::vector<std::string> failures;
};

/// Bounds of f32 come from each case. In f16 (precision 16) an output passes when its cosine is at least 0.999 and no
/// number is off by more than 5 % of the largest recorded one (or of 1); answers' scores may be off by 0.05.
Result<GoldenReport> check_golden(const std::filesystem::path& folder, const Devices& devices);

}  // namespace ipfs_accelerate
