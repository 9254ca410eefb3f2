// One model folder against its golden.json: the calls to make of an engine, native or in a page, and the one judge of
// its answers.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>

#include "golden/tensor_files.h"

namespace ipfs_accelerate {

struct GoldenReport {
  std::size_t cases = 0;
  double worst_error = 0;    ///< largest absolute difference
  std::string worst_output;  ///< where: "forward hidden_states.2"
  double worst_cosine = 1;   ///< smallest cosine between a whole output and the recorded one
  bool ids_equal = true;     ///< tokenizing the recorded texts gave the recorded ids
  std::size_t declined_nodes = 0;
  std::vector<std::string> failures;
};

struct GoldenOptions {
  std::string platform = "cpu";  ///< what every call asks for, without a fallback
  int precision = 32;
};

class Golden {
 public:
  /// kNotFound, kMalformedConfig when there is no forward case.
  static Result<Golden> open(const std::filesystem::path& folder, const GoldenOptions& options);
  const std::filesystem::path& folder() const { return folder_; }
  /// The calls, in the order in which judge() wants their answers; "model" is the folder.
  std::vector<nlohmann::json> calls() const;
  /// Answers are {"value": ...} or {"error": {"code", "message"}}, one for each call. Bounds of f32 come from each
  /// case. In f16 (precision 16) an output passes when its cosine is at least 0.999 and no number is off by more than 5
  /// % of the largest recorded one (or of 1); answers' scores may be off by 0.05.
  GoldenReport judge(std::span<const nlohmann::json> answers) const;

 private:
  friend class GoldenJudge;
  std::filesystem::path folder_;
  GoldenOptions options_;
  std::string task_;
  bool normalize_ = false, multi_label_ = false;
  std::vector<nlohmann::json> cases_;  ///< the forward ones, and those that generate greedily
  std::vector<std::int32_t> stop_ids_;
  TensorFiles recorded_;
};

}  // namespace ipfs_accelerate
