// One shipped model (zoo/) against what the reference answered: the call to make of an engine, native or in a page, and
// the judge of its answer.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>

#include "golden/golden_model.h"

namespace ipfs_accelerate {

struct ShippedReport {
  std::string metric;               ///< as metrics.json calls it
  double value = 0, reference = 0;  ///< on eval/, ours and the reference's
  std::size_t same = 0;             ///< predictions equal to the recorded ones
  std::size_t answers = 0;          ///< recorded predictions
  double worst_error = 0;           ///< largest absolute difference from a golden number
  std::vector<std::string> failures;
};

class Shipped {
 public:
  /// Whether a folder is a shipped model's: golden.json lists inputs, eval/ recorded predictions.
  static bool is_one(const std::filesystem::path& folder);
  /// kUnknownTask for a class that the judge has no row for, kNotFound, kMalformedConfig.
  static Result<Shipped> open(const std::filesystem::path& folder, const GoldenOptions& options);
  std::vector<nlohmann::json> calls() const;
  /// Passes in f32 when every prediction is the recorded one and no golden number is off by more than 1e-4; in f16
  /// when at least 95 % are the same and no golden number is off by more than 0.02.
  ShippedReport judge(std::span<const nlohmann::json> answers) const;

 private:
  struct Reading;
  static Result<std::vector<double>> recorded_numbers(const std::filesystem::path& folder, const Reading& reading);
  static const Reading* reading_of(const std::string& model_class);

  std::filesystem::path folder_;
  GoldenOptions options_;
  const Reading* reading_ = nullptr;
  std::vector<std::string> texts_;   ///< golden inputs, eval inputs, candidates
  nlohmann::json cases_;             ///< the lines of eval.jsonl
  std::vector<std::string> labels_;  ///< of a classifier, in the order of its logits
  std::vector<double> golden_;       ///< recorded numbers of the golden inputs, a row after the other
  std::string metric_;
  double reference_ = 0;
};

}  // namespace ipfs_accelerate
