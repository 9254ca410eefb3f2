// Tests of batches and answers, with a small word-level tokenizer written here.
#include "task/task.h"

#include <gtest/gtest.h>

#include <cmath>

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

class TaskTest : public ::testing::Test {
 protected:
  TaskTest() : tokenizer_(Tokenizer::from_json(kTokenizer).value()) {
    model_.tokenizer = &tokenizer_;
    model_.max_tokens = 6;
    model_.vocabulary = 8;
    model_.token_types = true;
    model_.type_vocabulary = 2;
    model_.mask_id = 4;
    model_.labels = {"a", "b", "c"};
  }
  Result<Batch> prepare(std::string_view task, std::vector<TextInput> items, TaskOptions options = {}) {
    return find_task(task).value()->prepare(model_, items, options);
  }
  ErrorCode code(std::string_view task, std::vector<TextInput> items, TaskOptions options = {}) {
    auto batch = prepare(task, std::move(items), options);
    return batch ? ErrorCode{} : batch.error().code;
  }
  static std::vector<std::int32_t> values(const Batch& batch, std::string_view name) {
    for (std::size_t i = 0; i < batch.inputs.size(); ++i) {
      if (batch.input_names[i] == name) return {batch.inputs[i].i32s().begin(), batch.inputs[i].i32s().end()};
    }
    return {};
  }
  static Tensor floats(Shape shape, std::vector<float> numbers) {
    Tensor tensor = Tensor::f32(std::move(shape));
    std::ranges::copy(numbers, tensor.f32s().begin());
    return tensor;
  }

  Tokenizer tokenizer_;
  TaskModel model_;
};
using Ints = std::vector<std::int32_t>;

TEST_F(TaskTest, PadsToTheLongest) {
  const auto batch = prepare("feature-extraction", {{"red lamp", std::nullopt}, {"cold", "lamp"}});
  ASSERT_TRUE(batch) << batch.error().message;
  EXPECT_EQ(batch->shape, (ShapeClass{{kBatch, 2}, {kSequence, 5}}));
  EXPECT_EQ(values(*batch, "input_ids"), (Ints{2, 5, 6, 3, 0, 2, 7, 3, 6, 3}));
  EXPECT_EQ(values(*batch, "attention_mask"), (Ints{1, 1, 1, 1, 0, 1, 1, 1, 1, 1}));
  EXPECT_EQ(values(*batch, "token_type_ids"), (Ints{0, 0, 0, 0, 0, 0, 0, 0, 1, 1}));
  EXPECT_EQ(values(*batch, "position_ids"), (Ints{0, 1, 2, 3, 4, 0, 1, 2, 3, 4}));
}

TEST_F(TaskTest, PositionsAfterThePadIdSkipPadding) {
  model_.positions_after_pad = true;
  model_.pad_id = 1;
  const auto batch = prepare("feature-extraction", {{"red lamp", std::nullopt}, {"cold", std::nullopt}});
  ASSERT_TRUE(batch);
  EXPECT_EQ(values(*batch, "position_ids"), (Ints{2, 3, 4, 5, 2, 3, 4, 1}));
}

TEST_F(TaskTest, CutsOrRefusesLongTexts) {
  const TextInput text{"red red red red red red red", std::nullopt};
  const auto batch = prepare("feature-extraction", {text});
  ASSERT_TRUE(batch);
  EXPECT_EQ(values(*batch, "input_ids"), (Ints{2, 5, 5, 5, 5, 3}));
  EXPECT_EQ(code("feature-extraction", {text}, {.truncation = false}), ErrorCode::kInputTooLong);
  EXPECT_EQ(prepare("feature-extraction", {text}, {.max_tokens = 3})->shape.at(kSequence), 3);
  EXPECT_EQ(code("feature-extraction", {text}, {.max_tokens = -1}), ErrorCode::kInvalidArgument);
}

TEST_F(TaskTest, IdsOutsideATableNeverPass) {
  const TextInput text{"red cold", std::nullopt};
  model_.vocabulary = 7;  // "cold" is 7
  EXPECT_EQ(code("feature-extraction", {text}), ErrorCode::kMalformedConfig);
  model_.vocabulary = 8;
  model_.type_vocabulary = 1;  // one row: types play no role
  EXPECT_EQ(values(*prepare("feature-extraction", {{"red", "cold"}}), "token_type_ids"), (Ints{0, 0, 0, 0, 0}));
  Encoding encoding;
  encoding.ids = {2, 5, 3};
  encoding.type_ids = {0, 2, 0};
  model_.type_vocabulary = 2;
  EXPECT_EQ(make_encoded_batch(model_, {encoding}).error().code, ErrorCode::kMalformedConfig);
  encoding.type_ids.clear();
  encoding.ids[0] = -1;
  EXPECT_EQ(make_encoded_batch(model_, {encoding}).error().code, ErrorCode::kMalformedConfig);
  encoding.ids.assign(7, 2);
  EXPECT_EQ(make_encoded_batch(model_, {encoding}).error().code, ErrorCode::kInputTooLong);
  encoding.ids.clear();
  EXPECT_EQ(make_encoded_batch(model_, {encoding}).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(TaskTest, RefusesWhatCannotBeRun) {
  EXPECT_EQ(code("feature-extraction", {}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code("fill-mask", {{"red [MASK]", std::nullopt}, {"red", std::nullopt}}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code("fill-mask", {{"[MASK]", std::nullopt}}, {.top_k = 0}), ErrorCode::kInvalidArgument);
  model_.mask_id = -1;
  EXPECT_EQ(code("fill-mask", {{"[MASK]", std::nullopt}}), ErrorCode::kMissingTokenizer);
  model_.tokenizer = nullptr;
  EXPECT_EQ(code("feature-extraction", {{"red", std::nullopt}}), ErrorCode::kMissingTokenizer);
}

TEST_F(TaskTest, AStopEndsTokenizingAndRanking) {
  const auto batch = prepare("fill-mask", {{"red [MASK]", std::nullopt}});
  ASSERT_TRUE(batch);
  const Stop stop;
  stop.request();
  EXPECT_EQ(code("feature-extraction", {{"red", std::nullopt}}, {.stop = stop}), ErrorCode::kCancelled);
  const auto ranked = find_task("fill-mask").value()->finish(model_, *batch, Tensor::f32({1, 8}), {.stop = stop});
  EXPECT_EQ(ranked.error().code, ErrorCode::kCancelled);
}

TEST_F(TaskTest, FillMaskRanksTokens) {
  const auto batch = prepare("fill-mask", {{"red [MASK]", std::nullopt}, {"[MASK] [MASK]", std::nullopt}});
  ASSERT_TRUE(batch) << batch.error().message;
  EXPECT_EQ(batch->shape, usual_shape(2, 4, 3));
  EXPECT_EQ(values(*batch, "rows"), (Ints{2, 5, 6}));
  Tensor logits = Tensor::f32({3, 8});
  logits.f32s()[6] = 9;       // row 0: lamp
  logits.f32s()[8 + 7] = 9;   // row 1: cold
  logits.f32s()[16 + 5] = 9;  // row 2: red
  const auto answers = find_task("fill-mask").value()->finish(model_, *batch, logits, {.top_k = 2});
  ASSERT_TRUE(answers) << answers.error().message;
  const auto fills = [&](std::size_t item, std::size_t mask) { return std::get<MaskFills>((*answers)[item]).masks[mask]; };
  EXPECT_EQ(fills(0, 0)[0].token_str, "lamp");
  EXPECT_EQ(fills(0, 0)[0].sequence, "red lamp");
  EXPECT_EQ(fills(0, 0).size(), 2u);
  EXPECT_EQ(fills(0, 0)[1].token, 0);  // of equal ones the lower id
  EXPECT_NEAR(fills(0, 0)[0].score, std::exp(9.0) / (std::exp(9.0) + 7), 1e-9);
  EXPECT_EQ(fills(1, 1)[0].token_str, "red");
}

TEST_F(TaskTest, ClassificationSoftmaxesOrSigmoids) {
  const auto batch = prepare("text-classification", {{"red", std::nullopt}});
  ASSERT_TRUE(batch);
  const Tensor logits = floats({1, 3}, {0, std::log(2.0f), 0});
  const Task& task = *find_task("text-classification").value();
  const auto soft = task.finish(model_, *batch, logits, {.top_k = 2});
  ASSERT_TRUE(soft);
  const auto labels = [](const auto& answers) { return std::get<Labels>(answers->at(0)).labels; };
  EXPECT_EQ(labels(soft).size(), 2u);
  EXPECT_EQ(labels(soft)[0].label, "b");
  EXPECT_NEAR(labels(soft)[0].score, 0.5, 1e-6);
  model_.multi_label = true;
  EXPECT_NEAR(labels(task.finish(model_, *batch, logits, {}))[0].score, 2.0 / 3, 1e-6);
  model_.regression = true;
  EXPECT_NEAR(labels(task.finish(model_, *batch, logits, {}))[0].score, std::log(2.0), 1e-6);
  EXPECT_EQ(task.finish(model_, *batch, floats({1, 2}, {0, 0}), {}).error().code, ErrorCode::kInternal);
}

TEST_F(TaskTest, NumbersThatAreNotFiniteAreErrors) {
  const auto batch = prepare("feature-extraction", {{"red", std::nullopt}});
  ASSERT_TRUE(batch);
  const Task& task = *find_task("embedding").value();
  EXPECT_EQ(task.finish(model_, *batch, floats({1, 2}, {1, -0.5f}), {}).value()[0], Answer(Embedding{{1.0f, -0.5f}}));
  EXPECT_EQ(task.finish(model_, *batch, floats({1, 2}, {1, NAN}), {}).error().code, ErrorCode::kNotFinite);
  EXPECT_EQ(task.finish(model_, *batch, floats({1, 2}, {1, INFINITY}), {}).error().code, ErrorCode::kNotFinite);
  EXPECT_EQ(task.finish(model_, *batch, floats({2, 2}, {1, 1, 1, 1}), {}).error().code, ErrorCode::kInternal);
}

TEST(Tasks, NamesAndAliases) {
  for (const std::string& name : known_tasks()) EXPECT_EQ(find_task(name).value()->name(), name);
  EXPECT_EQ(find_task("fill_mask").value()->name(), "fill-mask");
  EXPECT_EQ(find_task("text_embedding").value()->name(), "feature-extraction");
  EXPECT_EQ(find_task("sentiment-analysis").value()->name(), "text-classification");
  const auto unknown = find_task("fly");
  EXPECT_EQ(unknown.error().code, ErrorCode::kUnknownTask);
  EXPECT_NE(unknown.error().message.find("fill-mask"), std::string::npos);
}

}  // namespace
}  // namespace ipfs_accelerate
