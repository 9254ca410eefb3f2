// The list of tasks, and the choice of one by name, by head and by config.json.
#include <algorithm>
#include <array>

#include "task/task.h"

namespace ipfs_accelerate {

extern const Task kFeatureExtraction, kFillMask, kImageClassification, kImageFeatureExtraction, kTextClassification,
    kTextGeneration, kTextToText;

namespace {

constexpr std::array kTasks{&kFeatureExtraction,     &kFillMask,   &kTextClassification,
                            &kTextGeneration,        &kTextToText, &kImageClassification,
                            &kImageFeatureExtraction};

/// In the order of Content.
constexpr std::array<std::string_view, std::variant_size_v<Content>> kContentNames{
    "text", "pair", "messages", "image", "pixels", "audio", "samples"};
/// With an article, as what an item is.
constexpr std::array<std::string_view, std::variant_size_v<Content>> kItemNames{
    "a text", "a pair of texts", "a list of messages", "an image", "an image", "a sound", "a sound"};

std::string joined(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
  return all;
}

}  // namespace

std::vector<std::string> ContentKinds::names() const {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kContentNames.size(); ++i) {
    if ((bits_ & bit(i)) != 0) names.emplace_back(kContentNames[i]);
  }
  return names;
}

std::string ContentKinds::text() const { return joined(names()); }

Result<const Task*> find_task(std::string_view name) {
  std::string wanted(name);
  std::ranges::replace(wanted, '_', '-');
  for (const Task* task : kTasks) {
    if (task->name == wanted || std::ranges::contains(task->aliases, wanted)) return task;
  }
  return fail(ErrorCode::kUnknownTask, "no task '{}'; known are {}", name, joined(known_tasks()));
}

Result<const Task*> find_task(Head head) {
  const auto found = std::ranges::find(kTasks, head, &Task::head);
  if (found == kTasks.end()) return fail(ErrorCode::kInternal, "no task has head {}", static_cast<int>(head));
  return *found;
}

Result<const Task*> default_task(std::string_view config_json) {
  IA_ASSIGN(const std::vector<std::string> classes, classes_of_config(config_json));
  const std::string made = classes.empty() ? "Model" : classes[0];  // without a name it is the bare model
  const Task* best = nullptr;
  std::size_t longest = 0;  // "LMHeadModel" ends with "Model" too
  for (const Task* task : kTasks) {
    for (const std::string_view end : task->made_for) {
      if (!made.ends_with(end) || end.size() <= longest) continue;
      best = task;
      longest = end.size();
    }
  }
  if (best) return best;
  return fail(ErrorCode::kUnknownTask, "no task is known for '{}'; name one, such as {}", made, kTasks[0]->name);
}

std::vector<std::string> known_tasks() {
  std::vector<std::string> names;
  for (const Task* task : kTasks) names.emplace_back(task->name);
  return names;
}

Result<> check_takes(const Task& task, const std::vector<Content>& items) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (task.takes.has(items[i])) continue;
    return fail(ErrorCode::kInvalidArgument, "{} takes {}; input {} is {}", task.name, task.takes.text(), i,
                kItemNames[items[i].index()]);
  }
  return {};
}

}  // namespace ipfs_accelerate
