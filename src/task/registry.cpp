// The list of tasks and their other names.
#include <algorithm>
#include <array>

#include "task/tasks.h"

namespace ipfs_accelerate {
namespace {

struct TaskName {
  std::string_view name;
  const Task& (*task)();
};
/// The first name of each task is its own; the others are aliases. '_' counts as '-'.
constexpr std::array kTasks{
    TaskName{"feature-extraction", feature_extraction},
    TaskName{"fill-mask", fill_mask},
    TaskName{"text-classification", text_classification},
};
constexpr std::array kAliases{
    TaskName{"embedding", feature_extraction},
    TaskName{"embeddings", feature_extraction},
    TaskName{"text-embedding", feature_extraction},
    TaskName{"sentence-similarity", feature_extraction},
    TaskName{"masked-lm", fill_mask},
    TaskName{"classification", text_classification},
    TaskName{"sequence-classification", text_classification},
    TaskName{"sentiment-analysis", text_classification},
};

}  // namespace

Result<const Task*> find_task(std::string_view name) {
  std::string wanted(name);
  std::ranges::replace(wanted, '_', '-');
  for (const TaskName& row : kTasks) {
    if (row.name == wanted) return &row.task();
  }
  for (const TaskName& row : kAliases) {
    if (row.name == wanted) return &row.task();
  }
  std::string known;
  for (const std::string& task : known_tasks()) known += (known.empty() ? "" : ", ") + task;
  return fail(ErrorCode::kUnknownTask, "no task '{}'; known are {}", name, known);
}

std::vector<std::string> known_tasks() {
  std::vector<std::string> names;
  for (const TaskName& row : kTasks) names.emplace_back(row.name);
  return names;
}

}  // namespace ipfs_accelerate
