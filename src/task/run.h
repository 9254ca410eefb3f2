// TaskRun: what a task is given to run with. The engine implements it over a loaded model; tests script it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/async.h"
#include "base/stop.h"
#include "input/image/image_processor.h"
#include "input/text/tokenizer.h"
#include "ipfs_accelerate/content.h"
#include "ipfs_accelerate/run.h"
#include "model/model.h"
#include "task/batch.h"

namespace ipfs_accelerate {

struct TaskOptions {
  bool truncation = true;  ///< cut texts at the model's length; false: kInputTooLong
  std::int32_t top_k = 5;
  std::int32_t max_tokens = 0;           ///< 0 = the model's own limit
  std::int64_t max_new_tokens = 0;       ///< generated at most; 0: as the model says
  std::vector<std::int32_t> stop_ids{};  ///< that end a text; empty: as the model says
  Stop stop{};                           ///< looked at before every item: kCancelled
  std::vector<std::size_t> numbers{};    ///< of the items in the whole call, for messages; empty: as they come

  std::size_t number_of(std::size_t item) const { return item < numbers.size() ? numbers[item] : item; }
};

/// The part of a model that has one part.
inline constexpr std::string_view kOnlyPart = "model";

/// One task at work on one batch of items. It lives as long as the task's coroutine.
class TaskRun {
 public:
  virtual ~TaskRun() = default;
  virtual const ModelFacts& facts() const = 0;
  virtual Result<const Tokenizer*> tokenizer() const = 0;  ///< kMissingTokenizer
  /// kNotFound when the model folder says nothing of how pictures are prepared.
  virtual Result<const ImageProcessor*> image_processor() const;
  virtual const TaskOptions& options() const = 0;
  virtual int precision() const { return 32; }  ///< bits that the model is computed in
  /// Plain work (tokenizing, ranking) aside of the executor. What it refers to must live until this ends.
  virtual Async<> offload(std::function<Result<>()> work) = 0;
  /// A picture file's pixels, upright.
  virtual Async<Image> decode(Picture picture);
  /// Pads the batch to a shape that is compiled, runs the part, and crops what comes out. `wanted` names outputs of the
  /// part's graph, which are given in that order.
  virtual Async<std::vector<NamedTensor>> compute(std::string part, Batch inputs, std::vector<std::string> wanted) = 0;
  /// Makes room in the model's states: so many pages for each of these symbols. What they hold may be lost.
  virtual Async<> reserve_states(ShapeClass pages) = 0;
  /// Tells the caller of a piece of an answer; `item` is the place in the task's items.
  virtual Async<> emit(TextEvent event) = 0;
  /// Tokens that were computed, padding left out.
  virtual void count_tokens(std::int64_t tokens) = 0;
};

/// Offloads work that gives a value: `co_await offloaded(run, [&]() -> Result<T> { ... })`.
template <class Work>
auto offloaded(TaskRun& run, Work work) -> Async<typename std::invoke_result_t<Work>::value_type> {
  std::optional<typename std::invoke_result_t<Work>::value_type> value;
  co_await run.offload([&]() -> Result<> {
    IA_ASSIGN(value, work());
    return {};
  });
  co_return *std::move(value);
}

/// The one output `name` of the only part.
Async<Tensor> compute_output(TaskRun& run, Batch inputs, std::string name);

}  // namespace ipfs_accelerate
