// The loop of generation, and the text of one sequence as it grows.
#include "task/generation.h"

#include <algorithm>

namespace ipfs_accelerate {
namespace {

/// One sequence's answer in the making.
class Writer {
 public:
  Writer(const Tokenizer& tokenizer, const Tokens& stop_ids, std::int64_t most)
      : stream_(tokenizer, true), stop_ids_(stop_ids), most_(most) {}

  bool ended() const { return !answer_.finish_reason.empty(); }
  /// Takes the next token; gives the piece of text that it adds, perhaps empty.
  Result<std::string> take(std::int32_t token) {
    if (std::ranges::contains(stop_ids_, token)) return end("stop");
    answer_.tokens.push_back(token);
    IA_ASSIGN(const auto piece, stream_.step(token));
    std::string text = piece.value_or("");
    if (static_cast<std::int64_t>(answer_.tokens.size()) < most_) {
      answer_.text += text;
      return text;
    }
    IA_ASSIGN(const std::string rest, end("length"));
    answer_.text.insert(answer_.text.size() - rest.size(), text);
    return text + rest;
  }
  GeneratedText answer() && { return std::move(answer_); }

 private:
  Result<std::string> end(std::string reason) {
    answer_.finish_reason = std::move(reason);
    IA_ASSIGN(std::string rest, stream_.finish());
    answer_.text += rest;
    return rest;
  }

  Tokenizer::DecodeStream stream_;
  const Tokens& stop_ids_;
  std::int64_t most_;  ///< tokens
  GeneratedText answer_;
};

/// Gives each writer its token, tells of the pieces, and says what is fed next.
Async<std::vector<Tokens>> write(TaskRun& run, std::vector<Writer>& writers, const Tokens& tokens) {
  std::vector<Tokens> next(writers.size());
  for (std::size_t i = 0; i < writers.size(); ++i) {
    if (writers[i].ended()) continue;
    std::string piece = co_await writers[i].take(tokens[i]);
    const bool ended = writers[i].ended();
    if (!ended) next[i] = {tokens[i]};
    if (!piece.empty() || ended) co_await run.emit({i, tokens[i], std::move(piece), ended});
  }
  co_return next;
}

}  // namespace

Result<GenerationLimits> generation_limits(const TaskRun& run) {
  const std::int64_t asked = run.options().max_new_tokens;
  if (asked < 0) return fail(ErrorCode::kInvalidArgument, "max_new_tokens is {}, at least 1 is needed", asked);
  const std::int64_t wanted = asked > 0 ? asked : run.facts().max_new_tokens;
  GenerationLimits limits{wanted, run.facts().max_tokens, run.facts().stop_ids};
  if (!run.options().stop_ids.empty()) limits.stop_ids = run.options().stop_ids;
  return limits;
}

Async<std::vector<GeneratedText>> generate_greedily(TaskRun& run, Decoder& decoder, std::vector<Tokens> prompts,
                                                    GenerationLimits limits) {
  const Tokenizer* const tokenizer = co_await run.tokenizer();
  std::vector<Writer> writers;
  for (const Tokens& prompt : prompts) {
    writers.emplace_back(*tokenizer, limits.stop_ids, limits.after(prompt.size()));
  }
  std::vector<Tokens> next = std::move(prompts);
  while (!std::ranges::all_of(writers, &Writer::ended)) {
    co_await run.options().stop.check();
    const Tokens tokens = co_await decoder.feed(std::move(next));
    next = co_await write(run, writers, tokens);
  }
  std::vector<GeneratedText> answers;
  for (Writer& writer : writers) answers.push_back(std::move(writer).answer());
  co_return answers;
}

}  // namespace ipfs_accelerate
