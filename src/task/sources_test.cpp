// Tests of what an encoder and its decoder are given, on a run that remembers it.
#include "task/sources.h"

#include <gtest/gtest.h>

#include "base/in_place.h"
#include "task/forward.h"
#include "task/task.h"

namespace ipfs_accelerate {
namespace {

using Ints = std::vector<std::int32_t>;

/// A model whose outputs are zeros.
class ScriptedModel : public TaskRun {
 public:
  ScriptedModel() {
    model.max_tokens = model.context = 40;
    model.vocabulary = 8;
  }
  ModelFacts model;
  TaskOptions given;
  ShapeClass reserved;
  std::vector<std::pair<std::string, Batch>> asked;
  std::int64_t tokens = 0;
  Ints likeliest;  ///< of each row; empty: zeros
  int bits = 32;

  int precision() const override { return bits; }
  const ModelFacts& facts() const override { return model; }
  Result<const Tokenizer*> tokenizer() const override { return fail(ErrorCode::kMissingTokenizer, "no tokenizer"); }
  const TaskOptions& options() const override { return given; }
  Async<> offload(std::function<Result<>()> work) override { co_await work(); }
  Async<> reserve_states(ShapeClass pages) override {
    EXPECT_TRUE(asked.empty()) << "what the states held is lost";
    reserved = std::move(pages);
    co_return;
  }
  Async<std::vector<NamedTensor>> compute(std::string part, Batch inputs, std::vector<std::string> wanted) override {
    const auto rows = inputs.shape.at(part == kDecoderPart ? kRows : kBatch);
    asked.emplace_back(std::move(part), std::move(inputs));
    std::vector<NamedTensor> outputs;
    if (!likeliest.empty()) co_return std::vector<NamedTensor>{{"token", tensor_of(likeliest)}};
    for (std::string& name : wanted) outputs.emplace_back(std::move(name), Tensor::f32({rows, 8}));
    co_return outputs;
  }
  Async<> emit(TextEvent) override { co_return; }
  void count_tokens(std::int64_t count) override { tokens += count; }

  Ints values(std::size_t call, std::string_view name) const {
    const Batch& batch = asked.at(call).second;
    if (const Tensor* const tensor = batch.find(name)) return {tensor->i32s().begin(), tensor->i32s().end()};
    ADD_FAILURE() << "no tensor " << name;
    return {};
  }
};

Tensor ints(Shape shape, const Ints& values) {
  Tensor tensor = Tensor::i32(std::move(shape));
  std::ranges::copy(values, tensor.i32s().begin());
  return tensor;
}

/// Two sources, of 18 tokens (two pages) and of 1.
std::vector<NamedTensor> two_sources() {
  Tensor mask = Tensor::i32({2, 18});
  std::ranges::fill(mask.i32s().first(19), 1);
  return {{"input_ids", Tensor::i32({2, 18})}, {"attention_mask", std::move(mask)}};
}

TEST(Sources, EveryPartIsToldWhereTheRowsAre) {
  ScriptedModel run;
  auto given = two_sources();
  given.emplace_back("decoder_input_ids", ints({2, 2}, {0, 5, 0, 6}));
  const auto outputs = run_in_place(forward_both(run, given, {"encoder_hidden_states.0"}, {"logits"}));
  ASSERT_TRUE(outputs) << outputs.error().message;
  EXPECT_EQ(run.reserved, (ShapeClass{{kPages, 2}, {kCrossPages, 3}}));
  ASSERT_EQ(run.asked.size(), 2u);
  EXPECT_EQ(run.asked[0].first, kEncoderPart);
  EXPECT_EQ(run.values(0, "cross_table"), (Ints{0, 1, 0, 2, 0, 0}));
  EXPECT_EQ(run.values(0, "cross_before"), (Ints{0, 0}));
  EXPECT_EQ(run.values(0, "cross_counts"), (Ints{18, 1}));
  EXPECT_EQ(run.asked[1].first, kDecoderPart);
  EXPECT_EQ(run.values(1, "input_ids"), (Ints{0, 5, 0, 6}));
  EXPECT_EQ(run.values(1, "cross_table"), (Ints{0, 1, 0, 2, 0, 0}));
  EXPECT_EQ(run.values(1, "cross_lengths"), (Ints{18, 1}));
  EXPECT_EQ(run.tokens, 19 + 4);
  ASSERT_EQ(outputs->size(), 2u);
  EXPECT_EQ(outputs->at(0).first, "encoder_hidden_states.0");
  EXPECT_EQ(outputs->at(1).second.shape, (Shape{2, 2, 8}));
}

TEST(Sources, AFileMayLimitTheTextsButNotTheTables) {
  ScriptedModel run;
  run.model.max_tokens = 20;  // tables stay as the graph has them
  auto given = two_sources();
  given.emplace_back("decoder_input_ids", ints({2, 1}, {0, 0}));
  ASSERT_TRUE(run_in_place(forward_both(run, given, {}, {"logits"})));
  EXPECT_EQ(run.values(1, "page_table").size(), 6u);
  EXPECT_EQ(run.values(1, "cross_table").size(), 6u);
}

TEST(Sources, WhatCannotBeIsRefused) {
  const auto code = [](std::vector<NamedTensor> given, Shape decoder) {
    ScriptedModel run;
    given.emplace_back("decoder_input_ids", Tensor::i32(std::move(decoder)));
    const auto outputs = run_in_place(forward_both(run, std::move(given), {}, {"logits"}));
    return outputs ? ErrorCode{} : outputs.error().code;
  };
  EXPECT_EQ(code(two_sources(), {2, 1}), ErrorCode{});
  EXPECT_EQ(code(two_sources(), {1, 1}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code(two_sources(), {2, 41}), ErrorCode::kLimitExceeded);
  EXPECT_EQ(code({{"input_ids", Tensor::i32({1, 41})}}, {1, 1}), ErrorCode::kInputTooLong);
  auto gap = two_sources();
  gap[1].second.i32s()[3] = 0;
  EXPECT_EQ(code(std::move(gap), {2, 1}), ErrorCode::kInvalidArgument);
}

TEST(Decoder, ScoresThatAreNotFiniteAreNoToken) {
  for (const int bits : {32, 16}) {
    ScriptedModel run;
    run.model.model_type = "text_generation";
    run.model.architecture = "gpt2";
    run.bits = bits;
    run.likeliest = {5, 7, -1};
    const auto fed = [&]() -> Async<Tokens> {
      const auto decoder = co_await Decoder::open(run, 3, 8);
      co_return co_await decoder->feed({{1}, {}, {2, 3}});
    };
    const auto tokens = run_in_place(fed());
    ASSERT_FALSE(tokens);
    EXPECT_EQ(tokens.error().code, ErrorCode::kNotFinite);
    const std::string& message = tokens.error().message;
    EXPECT_TRUE(
        message.starts_with("text_generation (gpt2): sequence 2 has no finite scores for the token at position 2: "))
        << message;
    EXPECT_EQ(message.contains("use precision 32"), bits == 16) << message;
    run.asked.clear();
    run.likeliest = {5, 7, 6};
    EXPECT_EQ(run_in_place(fed()).value(), (Tokens{5, -1, 6}));
  }
}

// A fork attends to the text of the sequence that it goes on from, in the same pages.
TEST(Sources, AForkTakesItsSourceAlong) {
  ScriptedModel run;
  const auto forked = [](ScriptedModel& run) -> Async<> {
    Batch sources{{{kBatch, 2}, {kSequence, 18}}};
    for (auto& [name, tensor] : two_sources()) sources.add(name, std::move(tensor));
    EncodedSources encoded = co_await encode_sources(run, std::move(sources), 20, {}, 1);
    Decoder& decoder = *encoded.decoder;
    co_await decoder.feed_all({{}, {5, 6}, {}}, {});
    co_await decoder.fork(1, 2);
    co_await decoder.feed_all({{}, {}, {7}}, {});
    co_await decoder.truncate(2, 0);
    co_await decoder.fork(2, 1);
    co_await decoder.feed_all({{}, {8}, {}}, {});
  };
  const auto done = run_in_place(forked(run));
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(run.reserved, (ShapeClass{{kPages, 6}, {kCrossPages, 3}}));
  ASSERT_EQ(run.asked.size(), 5u);
  EXPECT_EQ(run.values(1, "cross_table"), (Ints{0, 1, 0, 2, 0, 0, 0, 1, 0}));  // the spare one waits at the first text
  EXPECT_EQ(run.values(1, "cross_lengths"), (Ints{18, 1, 18}));
  EXPECT_EQ(run.asked[2].first, kCopyPart);
  EXPECT_EQ(run.values(2, "from"), Ints{0});
  EXPECT_EQ(run.values(2, "to"), Ints{1});
  EXPECT_EQ(run.values(3, "cross_table"), (Ints{0, 1, 0, 2, 0, 0, 2, 0, 0}));
  EXPECT_EQ(run.values(3, "cross_lengths"), (Ints{18, 1, 1}));
  EXPECT_EQ(run.values(3, "lengths"), (Ints{0, 2, 2}));
  EXPECT_EQ(run.values(3, "counts"), (Ints{0, 0, 1}));
  EXPECT_EQ(run.values(3, "page_table"), (Ints{0, 0, 0, 0, 0, 0, 1, 0, 0}));
  EXPECT_EQ(run.values(4, "lengths"), (Ints{0, 0, 0}));
}

// What could not be copied is not there.
TEST(Sources, AnErrorWhileCopyingLeavesNothing) {
  struct Failing final : ScriptedModel {
    Async<std::vector<NamedTensor>> compute(std::string part, Batch inputs, std::vector<std::string> wanted) override {
      if (part == kCopyPart) co_await fail(ErrorCode::kDeviceLost, "the device is gone");
      co_return co_await ScriptedModel::compute(std::move(part), std::move(inputs), std::move(wanted));
    }
  } run;
  std::unique_ptr<Decoder> decoder;
  const auto begin = [&]() -> Async<> {
    decoder = co_await Decoder::open(run, 2, 40);
    co_await decoder->feed_all({Tokens(32, 1), {2}}, {});
    co_await decoder->fork(0, 1);  // at a page border
    EXPECT_EQ(decoder->sequence(1).length(), 32);
    co_await decoder->truncate(1, 20);
  };
  EXPECT_EQ(run_in_place(begin()).error().code, ErrorCode::kDeviceLost);
  EXPECT_EQ(decoder->sequence(1).length(), 0);
  EXPECT_EQ(decoder->sequence(0).length(), 32);
  const auto more = [&]() -> Async<> {
    co_await decoder->truncate(0, 20);
    co_await decoder->feed_all({{}, {2}}, {});
    co_await decoder->fork(0, 1);
  };
  EXPECT_EQ(run_in_place(more()).error().code, ErrorCode::kDeviceLost);
  EXPECT_EQ(decoder->sequence(1).length(), 0);
}

TEST(Sources, AStartOutsideTheTableNeverPasses) {
  ScriptedModel run;
  const Task& task = *find_task("text2text-generation").value();
  for (const std::int32_t start : {-1, 8}) {
    run.model.decoder_start = start;
    const auto answers = run_in_place(task.answer(run, {Text{"a"}}));
    ASSERT_FALSE(answers);
    EXPECT_EQ(answers.error().code, ErrorCode::kMalformedConfig);
  }
  EXPECT_EQ(find_task("translation").value(), &task);
  EXPECT_EQ(find_task("summarization").value(), &task);
}

}  // namespace
}  // namespace ipfs_accelerate
