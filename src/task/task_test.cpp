// Tests of tasks on a scripted run, with a small word-level tokenizer written here.
#include "task/task.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "base/in_place.h"
#include "graph/test_symbols.h"
#include "task/text_batch.h"

namespace ipfs_accelerate {
namespace {

constexpr std::string_view kTokenizer = R"({"version":"1.0","truncation":null,"padding":null,
 "added_tokens":[
  {"id":0,"content":"[PAD]","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true},
  {"id":2,"content":"[CLS]","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true},
  {"id":3,"content":"[SEP]","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true},
  {"id":4,"content":"[MASK]","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}],
 "normalizer":null,"pre_tokenizer":{"type":"Whitespace"},
 "post_processor":{"type":"BertProcessing","sep":["[SEP]",3],"cls":["[CLS]",2]},
 "decoder":{"type":"WordPiece","prefix":"##","cleanup":false},
 "model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,
  "vocab":{"[PAD]":0,"[UNK]":1,"[CLS]":2,"[SEP]":3,"[MASK]":4,"red":5,"lamp":6,"cold":7}}})";

/// A run whose model gives what the test says, and which remembers what it was asked.
class ScriptedRun final : public TaskRun {
 public:
  ModelFacts model;
  std::optional<Tokenizer> words;
  TaskOptions given;
  Tensor output;
  Batch asked;
  std::vector<std::string> wanted_outputs;
  std::int64_t tokens = 0;

  const ModelFacts& facts() const override { return model; }
  Result<const Tokenizer*> tokenizer() const override {
    if (!words) return fail(ErrorCode::kMissingTokenizer, "no tokenizer");
    return &*words;
  }
  const TaskOptions& options() const override { return given; }
  Async<> offload(std::function<Result<>()> work) override { co_await work(); }
  Async<std::vector<NamedTensor>> compute(std::string part, Batch inputs, std::vector<std::string> wanted) override {
    EXPECT_EQ(part, kOnlyPart);
    asked = std::move(inputs);
    wanted_outputs = wanted;
    co_return std::vector<NamedTensor>{{wanted.at(0), output}};
  }
  Async<> reserve_states(ShapeClass) override { co_return; }
  Async<> emit(TextEvent) override { co_return; }
  void count_tokens(std::int64_t count) override { tokens += count; }
};

Tensor floats(Shape shape, std::vector<float> numbers) {
  Tensor tensor = Tensor::f32(std::move(shape));
  std::ranges::copy(numbers, tensor.f32s().begin());
  return tensor;
}

class TaskTest : public ::testing::Test {
 protected:
  TaskTest() {
    run_.words = Tokenizer::from_json(kTokenizer).value();
    run_.model.max_tokens = 6;
    run_.model.vocabulary = 8;
    run_.model.token_types = true;
    run_.model.type_vocabulary = 2;
    run_.model.mask_id = 4;
    run_.model.labels = {"a", "b", "c"};
  }
  Result<std::vector<Answer>> answer(std::string_view task, std::vector<Content> items, TaskOptions options = {}) {
    run_.given = std::move(options);
    return run_in_place(find_task(task).value()->answer(run_, std::move(items)));
  }
  ErrorCode code(std::string_view task, std::vector<Content> items, TaskOptions options = {}) {
    const auto answers = answer(task, std::move(items), std::move(options));
    return answers ? ErrorCode{} : answers.error().code;
  }
  /// The tensors that a text task makes.
  Batch batch_of(std::vector<Content> items, TaskOptions options = {}) {
    run_.output = Tensor::f32({static_cast<std::int64_t>(items.size()), 2});
    const auto answers = answer("feature-extraction", std::move(items), std::move(options));
    EXPECT_TRUE(answers) << answers.error().message;
    return run_.asked;
  }
  static Rows values(const Batch& batch, std::string_view name) {
    const Rows* const rows = batch.find_rows(name);
    return rows ? *rows : Rows{};
  }

  ScriptedRun run_;
};

TEST_F(TaskTest, TextsBecomeRows) {
  const Batch batch = batch_of({Text{"red lamp"}, TextPair{"cold", "lamp"}});
  EXPECT_EQ(batch.shape, (ShapeClass{{kBatch, 2}, {kSequence, 5}}));
  EXPECT_EQ(values(batch, "input_ids"), (Rows{{2, 5, 6, 3}, {2, 7, 3, 6, 3}}));
  EXPECT_EQ(values(batch, "attention_mask"), (Rows{{1, 1, 1, 1}, {1, 1, 1, 1, 1}}));
  EXPECT_EQ(values(batch, "token_type_ids"), (Rows{{0, 0, 0, 0}, {0, 0, 0, 1, 1}}));
  EXPECT_EQ(values(batch, "position_ids"), (Rows{{0, 1, 2, 3}, {0, 1, 2, 3, 4}}));
  EXPECT_EQ(run_.tokens, 9);
  EXPECT_EQ(run_.wanted_outputs, std::vector<std::string>{"embedding"});
}

TEST_F(TaskTest, TypesThatAreAllZeroAreLeftOut) {
  using Names = std::vector<std::string>;
  const auto names = [](const Batch& batch) {
    Names names;
    for (const auto& [name, rows] : batch.rows) names.push_back(name);
    return names;
  };
  EXPECT_EQ(names(batch_of({Text{"red lamp"}, Text{"cold"}})), (Names{"input_ids", "position_ids", "attention_mask"}));
  EXPECT_EQ(names(batch_of({Text{"red"}, TextPair{"cold", "lamp"}})),
            (Names{"input_ids", "position_ids", "token_type_ids", "attention_mask"}));
  run_.model.token_types = false;
  EXPECT_EQ(values(batch_of({TextPair{"cold", "lamp"}}), "token_type_ids"), Rows{});
}

TEST_F(TaskTest, PositionsAfterThePadIdSkipPadding) {
  run_.model.positions = PositionRule::kAfterPadId;
  run_.model.pad_id = 1;
  EXPECT_EQ(values(batch_of({Text{"red lamp"}, Text{"cold"}}), "position_ids"), (Rows{{2, 3, 4, 5}, {2, 3, 4}}));
}

TEST_F(TaskTest, CutsOrRefusesLongTexts) {
  const Text text{"red red red red red red red"};
  EXPECT_EQ(values(batch_of({text}), "input_ids"), (Rows{{2, 5, 5, 5, 5, 3}}));
  EXPECT_EQ(code("feature-extraction", {text}, {.truncation = false}), ErrorCode::kInputTooLong);
  EXPECT_EQ(batch_of({text}, {.max_tokens = 3}).shape.at(kSequence), 3);
  EXPECT_EQ(code("feature-extraction", {text}, {.max_tokens = -1}), ErrorCode::kInvalidArgument);
}

TEST_F(TaskTest, IdsOutsideATableNeverPass) {
  ModelFacts& model = run_.model;
  model.vocabulary = 7;  // "cold" is 7
  EXPECT_EQ(code("feature-extraction", {Text{"red cold"}}), ErrorCode::kMalformedConfig);
  model.vocabulary = 8;
  model.type_vocabulary = 1;  // one row: types play no role
  EXPECT_EQ(values(batch_of({TextPair{"red", "cold"}}), "token_type_ids"), Rows{});
  Encoding encoding;
  encoding.ids = {2, 5, 3};
  encoding.type_ids = {0, 2, 0};
  model.type_vocabulary = 2;
  EXPECT_EQ(encoded_batch(model, {encoding}).error().code, ErrorCode::kMalformedConfig);
  encoding.type_ids.clear();
  encoding.ids[0] = -1;
  EXPECT_EQ(encoded_batch(model, {encoding}).error().code, ErrorCode::kMalformedConfig);
  encoding.ids.assign(7, 2);
  EXPECT_EQ(encoded_batch(model, {encoding}).error().code, ErrorCode::kInputTooLong);
  encoding.ids.clear();
  EXPECT_EQ(encoded_batch(model, {encoding}).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(TaskTest, RefusesWhatCannotBeRun) {
  EXPECT_EQ(code("feature-extraction", {}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code("fill-mask", {Text{"red [MASK]"}, Text{"red"}}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code("fill-mask", {Text{"[MASK]"}}, {.top_k = 0}), ErrorCode::kInvalidArgument);
  run_.model.mask_id = -1;
  EXPECT_EQ(code("fill-mask", {Text{"[MASK]"}}), ErrorCode::kMissingTokenizer);
  run_.words.reset();
  EXPECT_EQ(code("feature-extraction", {Text{"red"}}), ErrorCode::kMissingTokenizer);
}

TEST_F(TaskTest, AStopEndsTokenizing) {
  const Stop stop;
  stop.request();
  EXPECT_EQ(code("feature-extraction", {Text{"red"}}, {.stop = stop}), ErrorCode::kCancelled);
  EXPECT_TRUE(run_.asked.inputs.empty());
}

TEST_F(TaskTest, FillMaskRanksTokens) {
  run_.output = Tensor::f32({3, 8});
  run_.output.f32s()[6] = 9;       // row 0: lamp
  run_.output.f32s()[8 + 7] = 9;   // row 1: cold
  run_.output.f32s()[16 + 5] = 9;  // row 2: red
  const auto answers = answer("fill-mask", {Text{"red [MASK]"}, Text{"[MASK] [MASK]"}}, {.top_k = 2});
  ASSERT_TRUE(answers) << answers.error().message;
  EXPECT_EQ(run_.asked.shape, usual_shape(2, 4, 3));
  const auto places = run_.asked.find("rows")->i32s();
  EXPECT_TRUE(std::ranges::equal(places, std::vector{2, 5, 6}));
  EXPECT_EQ(run_.wanted_outputs, std::vector<std::string>{"logits"});
  const auto fills = [&](std::size_t item, std::size_t mask) {
    return std::get<MaskFills>(answers->at(item)).masks.at(mask);
  };
  EXPECT_EQ(fills(0, 0).size(), 2u);
  EXPECT_EQ(fills(0, 0)[0].token_str, "lamp");
  EXPECT_EQ(fills(0, 0)[0].sequence, "red lamp");
  EXPECT_EQ(fills(0, 0)[1].token, 0);  // of equal ones the lower id
  EXPECT_NEAR(fills(0, 0)[0].score, std::exp(9.0) / (std::exp(9.0) + 7), 1e-9);
  EXPECT_EQ(fills(1, 1)[0].token_str, "red");
}

TEST_F(TaskTest, ClassificationSoftmaxesOrSigmoids) {
  run_.output = floats({1, 3}, {0, std::log(2.0f), 0});
  const auto labels = [&](TaskOptions options = {}) {
    return std::get<Labels>(answer("text-classification", {Text{"red"}}, options).value().at(0)).labels;
  };
  EXPECT_EQ(labels({.top_k = 2}).size(), 2u);
  EXPECT_EQ(labels()[0].label, "b");
  EXPECT_NEAR(labels()[0].score, 0.5, 1e-6);
  run_.model.multi_label = true;
  EXPECT_NEAR(labels()[0].score, 2.0 / 3, 1e-6);
  run_.model.regression = true;
  EXPECT_NEAR(labels()[0].score, std::log(2.0), 1e-6);
  run_.output = floats({1, 2}, {0, 0});
  EXPECT_EQ(code("text-classification", {Text{"red"}}), ErrorCode::kInternal);
}

TEST_F(TaskTest, NumbersThatAreNotFiniteAreErrors) {
  const auto given = [&](Tensor output) {
    run_.output = std::move(output);
    return answer("embedding", {Text{"red"}});
  };
  EXPECT_EQ(given(floats({1, 2}, {1, -0.5f})).value()[0], Answer(Embedding{{1.0f, -0.5f}}));
  EXPECT_EQ(given(floats({1, 2}, {1, NAN})).error().code, ErrorCode::kNotFinite);
  EXPECT_EQ(given(floats({1, 2}, {1, INFINITY})).error().code, ErrorCode::kNotFinite);
  EXPECT_EQ(given(floats({2, 2}, {1, 1, 1, 1})).error().code, ErrorCode::kInternal);
}

TEST(Tasks, NamesAndAliases) {
  for (const std::string& name : known_tasks()) EXPECT_EQ(find_task(name).value()->name, name);
  EXPECT_EQ(find_task("fill_mask").value()->name, "fill-mask");
  EXPECT_EQ(find_task("text_embedding").value()->name, "feature-extraction");
  EXPECT_EQ(find_task("sentiment-analysis").value()->name, "text-classification");
  EXPECT_EQ(find_task(Head::kClassify).value()->name, "text-classification");
  EXPECT_EQ(find_task(Head::kHidden).error().code, ErrorCode::kInternal);
  const auto unknown = find_task("fly");
  EXPECT_EQ(unknown.error().code, ErrorCode::kUnknownTask);
  EXPECT_NE(unknown.error().message.find("fill-mask"), std::string::npos);
}

TEST(Tasks, TheDefaultFollowsTheClass) {
  const auto made_for = [](const std::string& classes, const char* type = "bert") {
    const auto task = default_task(std::format(R"({{"model_type": "{}"{}}})", type, classes));
    return std::string(task ? (*task)->name : error_name(task.error().code));
  };
  EXPECT_EQ(made_for(R"(, "architectures": ["BertForMaskedLM"])"), "fill-mask");
  EXPECT_EQ(made_for(R"(, "architectures": ["BertForPreTraining"])"), "fill-mask");
  EXPECT_EQ(made_for(R"(, "architectures": ["BertModel"])"), "feature-extraction");
  EXPECT_EQ(made_for(R"(, "architectures": ["BertForSequenceClassification"])"), "text-classification");
  EXPECT_EQ(made_for(""), "feature-extraction");
  EXPECT_EQ(made_for(R"(, "architectures": ["BertForQuestionAnswering"])"), error_name(ErrorCode::kUnknownTask));
  EXPECT_EQ(made_for(R"(, "architectures": "BertModel")"), error_name(ErrorCode::kMalformedConfig));
  EXPECT_EQ(made_for("", "nobody"), error_name(ErrorCode::kUnknownArchitecture));
}

TEST(Tasks, OtherContentIsRefusedByName) {
  const Task& task = *find_task("fill-mask").value();
  EXPECT_TRUE(check_takes(task, {Text{"a"}, TextPair{"a", "b"}}));
  const auto refused = check_takes(task, {Text{"a"}, Sound{}});
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(refused.error().message, "fill-mask takes text, pair; input 1 is a sound");
  for (const Content& other : {Content(Messages{}), Content(Picture{}), Content(Pixels{}), Content(Samples{})}) {
    EXPECT_FALSE(check_takes(task, {other}));
  }
}

}  // namespace
}  // namespace ipfs_accelerate
