// Tasks: content -> answers. A task is a coroutine that drives the parts of a model: one file and one row of the
// registry each.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "ipfs_accelerate/answers.h"
#include "ipfs_accelerate/content.h"
#include "task/run.h"

namespace ipfs_accelerate {

/// Some of the alternatives of Content.
class ContentKinds {
 public:
  template <class... Kinds>
  static constexpr ContentKinds of() {
    return ContentKinds((bit_of<Kinds>(std::type_identity<Content>()) | ...));
  }
  constexpr bool has(const Content& content) const { return (bits_ & bit(content.index())) != 0; }
  std::vector<std::string> names() const;  ///< "text", "pair", "messages", "image", "pixels", "audio", "samples"
  std::string text() const;                ///< "text, pair"

 private:
  explicit constexpr ContentKinds(unsigned bits) : bits_(bits) {}
  static constexpr unsigned bit(std::size_t index) { return 1u << index; }
  template <class Kind, class... All>
  static constexpr unsigned bit_of(std::type_identity<std::variant<All...>>) {
    unsigned found = 0, at = 1;
    ((found |= std::is_same_v<Kind, All> ? at : 0, at <<= 1), ...);
    return found;
  }
  unsigned bits_;
};

struct Task {
  std::string_view name;                      ///< as transformers.js calls it
  std::span<const std::string_view> aliases;  ///< '_' counts as '-'
  /// Ends of the class names in config.json's "architectures" that this task is the default for.
  std::span<const std::string_view> made_for;
  ContentKinds takes;  ///< other content is refused before the task begins
  Head head;           ///< what the model gets after its encoder
  AnswerKind gives;
  /// One answer for each item.
  Async<std::vector<Answer>> (*answer)(TaskRun& run, std::vector<Content> items);
  bool continues = false;  ///< a text that is generated goes on from the input's
  /// A pipeline of transformers.js gives the best label alone, unless more are asked for; else a list of five.
  bool best_label_alone = false;
};

/// The name, or an alias. kUnknownTask lists the known.
Result<const Task*> find_task(std::string_view name);
/// The first task with this head.
Result<const Task*> find_task(Head head);
/// What config.json's class is made for. kUnknownArchitecture when there is no builder; kUnknownTask.
Result<const Task*> default_task(std::string_view config_json);
std::vector<std::string> known_tasks();

/// kInvalidArgument names the first item that the task does not take.
Result<> check_takes(const Task& task, const std::vector<Content>& items);

}  // namespace ipfs_accelerate
