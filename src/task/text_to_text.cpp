// text2text-generation: a text -> what the model makes of it: a translation, a summary, an answer.
#include "task/generation.h"
#include "task/sources.h"
#include "task/task.h"
#include "task/text_batch.h"

namespace ipfs_accelerate {
namespace {

/// The texts' tokens; nothing is cut off.
Result<Batch> sources_of(const TaskRun& run, const std::vector<Content>& items) {
  IA_ASSIGN(const Tokenizer* const tokenizer, run.tokenizer());
  TaskOptions options = run.options();
  options.truncation = false;
  IA_ASSIGN(const auto encodings, encode_texts(run.facts(), *tokenizer, items, options));
  return encoded_batch(run.facts(), encodings);
}

/// What the decoder is fed first. Both files of the model may name it, so it may be anything.
Result<std::int32_t> start_of(const ModelFacts& facts) {
  if (facts.decoder_start >= 0 && facts.decoder_start < facts.vocabulary) return facts.decoder_start;
  return fail(ErrorCode::kMalformedConfig, "decoder_start_token_id is {}, the model's table has {} rows",
              facts.decoder_start, facts.vocabulary);
}

Async<std::vector<Answer>> answer(TaskRun& run, std::vector<Content> items) {
  const std::int32_t start = co_await start_of(run.facts());
  Batch sources = co_await offloaded(run, [&] { return sources_of(run, items); });
  const GenerationLimits limits = co_await generation_limits(run);
  const EncodedSources encoded = co_await encode_sources(run, std::move(sources), 1 + limits.after(1));
  std::vector<Tokens> begin(items.size(), {start});
  const auto texts = co_await generate_greedily(run, *encoded.decoder, std::move(begin), limits);
  co_return std::vector<Answer>(texts.begin(), texts.end());
}

constexpr std::string_view kAliases[] = {"translation", "summarization"};
constexpr std::string_view kMadeFor[] = {"ForConditionalGeneration"};

}  // namespace

extern constinit const Task kTextToText{
    .name = "text2text-generation",
    .aliases = kAliases,
    .made_for = kMadeFor,
    .takes = ContentKinds::of<Text>(),
    .head = Head::kSequenceToSequence,
    .gives = AnswerKind::kGeneratedText,
    .answer = answer,
};

}  // namespace ipfs_accelerate
