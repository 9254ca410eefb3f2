// Reading labels from config.json, or counting them; see labels.h.
#include "model/labels.h"

#include <algorithm>

namespace ipfs_accelerate {

Result<> read_labels(ModelFacts& facts, const ModelConfig& config, const ModelBuilder& b, const std::string& tensor) {
  IA_ASSIGN(facts.labels, config.labels());
  const TensorInfo* classifier = b.find(tensor);
  if (facts.labels.empty() && classifier && !classifier->shape.empty()) {
    const std::int64_t rows = std::min<std::int64_t>(classifier->shape[0], 1 << 20);
    for (std::int64_t id = 0; id < rows; ++id) facts.labels.push_back("LABEL_" + std::to_string(id));
  }
  IA_ASSIGN(const std::string problem, config.text_or("problem_type", ""));
  facts.regression = problem == "regression";
  facts.multi_label = problem == "multi_label_classification" || facts.labels.size() == 1;
  return {};
}

}  // namespace ipfs_accelerate
