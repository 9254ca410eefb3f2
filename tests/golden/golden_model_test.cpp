// The judge is judged: recorded outputs given as answers pass, and nothing else does.
#include "golden/golden_model.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::json;

class GoldenJudging : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const auto folder = std::filesystem::path(IA_SOURCE_DIR) / "tests/fixtures" / GetParam();
    auto golden = Golden::open(folder, {});
    ASSERT_TRUE(golden) << golden.error().message;
    golden_ = std::make_unique<Golden>(*std::move(golden));
    ASSERT_TRUE(recorded_.add(folder / "golden.safetensors"));
    file_ = Json::parse(read_text(folder / "golden.json").value());
    for (const Json& one_case : file_["cases"]) {
      if (one_case["kind"] == "forward") add_answers(one_case);
    }
  }

  /// What a perfect engine would say: the recorded outputs, by their own names.
  void add_answers(const Json& one_case) {
    Json outputs = Json::array();
    for (const auto& [name, tensor] : one_case["outputs"].items()) {
      const Tensor values = recorded_.floats(tensor).value();
      outputs.push_back({{"name", name}, {"shape", values.shape}, {"values", values.f32s()}});
    }
    const Json memory{{"weight_bytes", 8}, {"state_bytes", 4}, {"activation_bytes", 6}};
    answers_.push_back({{"value", {{"outputs", outputs}, {"predicted", memory}, {"taken", memory}}}});
    if (one_case.contains("texts") || one_case.contains("text")) {
      answers_.push_back({{"value", {{"ids", ids_of(one_case["inputs"])}}}});
    }
    Json output = Json::array();
    if (one_case.contains("fill_mask")) {
      for (Json entry : one_case["fill_mask"]) {
        for (Json& answer : entry["top5"]) answer["token"] = answer["id"];
        output.push_back(entry["top5"]);
      }
    } else if (one_case.contains("labels")) {
      for (const Json& label : one_case["labels"]) output.push_back(Json::array({label}));
    }
    if (!output.empty()) answers_.push_back({{"value", {{"output", output}}}});
  }

  Json ids_of(const Json& inputs) const {
    const Tensor ids = recorded_.ints(inputs["input_ids"]).value();
    const Tensor mask = inputs.contains("attention_mask") ? recorded_.ints(inputs["attention_mask"]).value() : ids;
    Json rows = Json::array();
    for (std::size_t i = 0; i < ids.i32s().size(); ++i) {
      if (i % static_cast<std::size_t>(ids.shape[1]) == 0) rows.push_back(Json::array());
      if (mask.i32s()[i] != 0) rows.back().push_back(ids.i32s()[i]);
    }
    return rows;
  }

  Json& first_output() { return answers_[0]["value"]["outputs"][0]; }
  void expect_failure(const char* words) const {
    const GoldenReport report = golden_->judge(answers_);
    ASSERT_FALSE(report.failures.empty()) << words;
    EXPECT_NE(report.failures[0].find(words), std::string::npos) << report.failures[0];
  }

  std::unique_ptr<Golden> golden_;
  TensorFiles recorded_;
  Json file_;
  std::vector<Json> answers_;
};

TEST_P(GoldenJudging, RecordedAnswersPass) {
  ASSERT_EQ(golden_->calls().size(), answers_.size());
  const GoldenReport report = golden_->judge(answers_);
  EXPECT_TRUE(report.failures.empty()) << report.failures[0];
  EXPECT_GT(report.cases, 0u);
  EXPECT_TRUE(report.ids_equal);
}

TEST_P(GoldenJudging, OneNumberOff) {
  Json& number = first_output()["values"][0];
  number = number.get<double>() + 0.01;
  expect_failure("off by 0.01");
}

TEST_P(GoldenJudging, NotANumber) {
  first_output()["values"][0] = nullptr;
  expect_failure("off by");
}

TEST_P(GoldenJudging, AnotherShape) {
  first_output()["shape"].push_back(2);
  expect_failure("other values than its shape");
}

TEST_P(GoldenJudging, AnOutputIsMissing) {
  answers_[0]["value"]["outputs"].clear();
  expect_failure("does not compute");
}

TEST_P(GoldenJudging, MemoryThatWasNotPredicted) {
  answers_[0]["value"]["predicted"]["state_bytes"] = 5;
  expect_failure("memory predicted");
}

TEST_P(GoldenJudging, MemoryThatNobodyTold) {
  answers_[0]["value"].erase("predicted");
  answers_[0]["value"].erase("taken");
  expect_failure("memory predicted");
}

TEST_P(GoldenJudging, OtherIds) {
  if (!answers_.at(1)["value"].contains("ids")) GTEST_SKIP() << "recorded without texts";
  answers_[1]["value"]["ids"][0][0] = 77777;
  expect_failure("becomes ids");
  EXPECT_FALSE(golden_->judge(answers_).ids_equal);
}

TEST_P(GoldenJudging, ErrorsAndMissingAnswers) {
  const std::vector<Json> good = answers_;
  answers_[0] = {{"error", {{"code", "device_lost"}, {"message", "gone"}}}};
  expect_failure("device_lost");
  answers_.clear();
  expect_failure("no answer");
  answers_ = good;
  answers_.push_back(good.back());
  expect_failure("too many");
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenJudging,
                         ::testing::Values("bert-mlm", "bert-seqcls", "distilbert", "mpnet", "roberta", "vit"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace ipfs_accelerate
