// text-generation: a prompt -> how it goes on.
#include <algorithm>

#include "task/generation.h"
#include "task/task.h"
#include "task/text_batch.h"

namespace ipfs_accelerate {
namespace {

/// The prompts' tokens; nothing is cut off. kInputTooLong where no token could follow.
Result<std::vector<Tokens>> prompts_of(const TaskRun& run, const std::vector<Content>& items) {
  IA_ASSIGN(const Tokenizer* const tokenizer, run.tokenizer());
  TaskOptions options = run.options();
  options.truncation = false;
  IA_ASSIGN(auto encodings, encode_texts(run.facts(), *tokenizer, items, options));
  std::vector<Tokens> prompts;
  for (std::size_t i = 0; i < encodings.size(); ++i) {
    const std::size_t number = options.number_of(i);
    prompts.push_back(std::move(encodings[i].ids));
    if (prompts.back().empty()) {
      return fail(ErrorCode::kInvalidArgument, "input {} has no tokens: a prompt is needed to go on from", number);
    }
    for (const std::int32_t id : prompts.back()) {
      if (id >= 0 && id < run.facts().vocabulary) continue;
      return fail(ErrorCode::kMalformedConfig, "the tokenizer gives id {} for input {}, the model's table has {} rows",
                  id, number, run.facts().vocabulary);
    }
    const auto count = static_cast<std::int64_t>(prompts.back().size());
    if (count < run.facts().max_tokens) continue;
    return fail(ErrorCode::kInputTooLong, "input {} has {} tokens, the model's context is {}: nothing could follow",
                number, count, run.facts().max_tokens);
  }
  return prompts;
}

Async<std::vector<Answer>> answer(TaskRun& run, std::vector<Content> items) {
  std::vector<Tokens> prompts = co_await offloaded(run, [&] { return prompts_of(run, items); });
  const GenerationLimits limits = co_await generation_limits(run);
  std::int64_t rows = 0;
  for (const Tokens& prompt : prompts) {
    rows = std::max(rows, static_cast<std::int64_t>(prompt.size()) + limits.after(prompt.size()));
  }
  const auto decoder = co_await Decoder::open(run, prompts.size(), rows);
  const auto texts = co_await generate_greedily(run, *decoder, std::move(prompts), limits);
  co_return std::vector<Answer>(texts.begin(), texts.end());
}

constexpr std::string_view kMadeFor[] = {"LMHeadModel", "ForCausalLM"};

}  // namespace

extern constinit const Task kTextGeneration{
    .name = "text-generation",
    .aliases = {},
    .made_for = kMadeFor,
    .takes = ContentKinds::of<Text>(),
    .head = Head::kNextToken,
    .gives = AnswerKind::kGeneratedText,
    .answer = answer,
    .continues = true,
};

}  // namespace ipfs_accelerate
