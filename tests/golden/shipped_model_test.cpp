// The judge of shipped models is judged: the recorded answers pass, and nothing else does.
#include "golden/shipped_model.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::json;

std::filesystem::path folder_of(const std::string& name) { return std::filesystem::path(IA_SOURCE_DIR) / "zoo" / name; }

/// A shipped model, with the answers of an engine that repeats what was recorded.
struct Judged {
  explicit Judged(const std::string& name, int precision = 32) : folder(folder_of(name)) {
    auto opened = Shipped::open(folder, {.precision = precision});
    EXPECT_TRUE(opened) << opened.error().message;
    model = std::make_unique<Shipped>(*std::move(opened));
    EXPECT_TRUE(recorded.add(folder / "golden.safetensors"));
    const bool pictures = std::filesystem::exists(folder / "eval/labels.jsonl");
    std::istringstream lines(read_text(folder / "eval" / (pictures ? "labels.jsonl" : "eval.jsonl")).value());
    for (std::string line; std::getline(lines, line);) cases.push_back(Json::parse(line));
  }
  std::size_t goldens() const { return 8; }
  void answer(Json output) { answers = {{{"value", {{"platform", "cpu"}, {"output", std::move(output)}}}}}; }
  Json& output() { return answers[0]["value"]["output"]; }
  ShippedReport judge() const { return model->judge(answers); }
  void expect_failure(const std::string& words) const {
    const ShippedReport report = judge();
    ASSERT_FALSE(report.failures.empty()) << words;
    EXPECT_NE(report.failures[0].find(words), std::string::npos) << report.failures[0];
  }

  std::filesystem::path folder;
  std::unique_ptr<Shipped> model;
  TensorFiles recorded;
  std::vector<Json> cases, answers;
};

/// Probabilities of the recorded logits, best first, then each recorded label with certainty.
Judged classifier(int precision = 32, const std::string& name = "numbers-bert-classifier",
                  const std::vector<std::string>& labels = {"even", "odd", "no number"}) {
  Judged judged(name, precision);
  const Tensor logits = judged.recorded.floats("logits").value();
  Json output = Json::array();
  for (std::size_t row = 0; row < judged.goldens(); ++row) {
    const auto values = logits.f32s().subspan(row * labels.size(), labels.size());
    double sum = 0;
    for (const float value : values) sum += std::exp(static_cast<double>(value));
    Json ranked = Json::array();
    for (std::size_t i = 0; i < labels.size(); ++i) {
      ranked.push_back({{"label", labels[i]}, {"score", std::exp(static_cast<double>(values[i])) / sum}});
    }
    output.push_back(ranked);
  }
  for (const Json& one : judged.cases) {
    const Json label = one["hf"].is_number() ? Json(labels.at(one["hf"].get<std::size_t>())) : one["hf"];
    output.push_back(Json::array({{{"label", label}, {"score", 1}}}));
  }
  judged.answer(std::move(output));
  return judged;
}
Judged pictures() {
  return classifier(32, "digits-vit", {"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"});
}

/// Recorded embeddings, then for each query and number a place on a circle: equal numbers lie together.
Judged retrieval() {
  Judged judged("numbers-bert");
  const Tensor embeddings = judged.recorded.floats("embedding").value();
  const auto columns = static_cast<std::size_t>(embeddings.shape[1]);
  Json output = Json::array();
  for (std::size_t row = 0; row < judged.goldens(); ++row) {
    const auto values = embeddings.f32s().subspan(row * columns, columns);
    output.push_back(std::vector<float>(values.begin(), values.end()));
  }
  const auto place = [](int number) { return Json::array({3 * std::cos(number * 6e-4), 3 * std::sin(number * 6e-4)}); };
  for (const Json& one : judged.cases) output.push_back(place(std::stoi(one["hf"].get<std::string>())));
  for (int number = 0; number < 10000; ++number) output.push_back(place(number));
  judged.answer(std::move(output));
  return judged;
}

TEST(ShippedJudge, RecordedAnswersPass) {
  for (const Judged& judged : {classifier(), retrieval(), pictures()}) {
    const ShippedReport report = judged.judge();
    EXPECT_TRUE(report.failures.empty()) << report.failures[0];
    EXPECT_EQ(report.same, 64u);
    EXPECT_EQ(report.answers, 64u);
    EXPECT_EQ(report.value, 1);
    EXPECT_EQ(report.reference, 1);
    EXPECT_LT(report.worst_error, 1e-5);
    ASSERT_EQ(judged.model->calls().size(), 1u);
    EXPECT_EQ(judged.model->calls()[0]["inputs"].size(), judged.answers[0]["value"]["output"].size());
  }
}

TEST(ShippedJudge, OneOtherAnswerFails) {
  Judged labels = classifier(), numbers = retrieval();
  Json& label = labels.output()[labels.goldens() + 5][0]["label"];
  label = label == "odd" ? "even" : "odd";
  labels.expect_failure("63 of 64 answers are the recorded ones");
  EXPECT_EQ(labels.judge().value, 63.0 / 64);
  numbers.output()[numbers.goldens() + 1] = numbers.output()[numbers.goldens() + 2];
  numbers.expect_failure("'922' for {\"hf\":\"908\"");
}

TEST(ShippedJudge, PicturesAreAskedForByTheirFiles) {
  Judged judged = pictures();
  const Json call = judged.model->calls()[0];
  EXPECT_EQ(call["config"]["top_k"], 10);
  EXPECT_EQ(call["inputs"][0]["image"], (judged.folder / "eval/000.png").string());
  EXPECT_EQ(call["inputs"].back()["image"], (judged.folder / "eval/063.png").string());
  judged.output().back()[0]["label"] = "none";
  judged.expect_failure("63 of 64 answers are the recorded ones");
}

TEST(ShippedJudge, HalfPrecisionMayDifferALittle) {
  Judged judged = classifier(16);
  for (const std::size_t other : {1, 2, 3}) judged.output()[judged.goldens() + other][0]["label"] = "other";
  EXPECT_TRUE(judged.judge().failures.empty());
  judged.output()[judged.goldens() + 4][0]["label"] = "other";
  judged.expect_failure("60 of 64");
}

TEST(ShippedJudge, GoldenNumbersThatAreOff) {
  Judged labels = classifier(), numbers = retrieval();
  Json& score = labels.output()[0][0]["score"];
  score = score.get<double>() + 2e-4;
  labels.expect_failure("off by 0.0002, allowed 1e-04");
  numbers.output()[3][0] = numbers.output()[3][0].get<double>() + 0.01;
  numbers.expect_failure("a golden number is off by");
  numbers.output()[3][0] = nullptr;  // NaN
  numbers.expect_failure("golden numbers, recorded");
  labels.output()[0].erase(0);
  labels.expect_failure("golden numbers, recorded");
}

TEST(ShippedJudge, AnotherDeviceErrorsAndMissingAnswers) {
  Judged judged = classifier();
  judged.answers[0]["value"]["platform"] = "webgpu";
  judged.expect_failure("computed on 'webgpu' instead of cpu");
  judged = classifier();
  judged.output().erase(0);
  judged.expect_failure("71 answers for 72 texts");
  judged.answers[0] = {{"error", {{"code", "device_lost"}, {"message", "gone"}}}};
  judged.expect_failure("device_lost");
  judged.answers.clear();
  judged.expect_failure("0 answers for one call");
}

TEST(ShippedJudge, ClassesWithoutAJudgeAreNamed) {
  EXPECT_TRUE(Shipped::is_one(folder_of("numbers-bert")));
  EXPECT_FALSE(Shipped::is_one(folder_of("../tests/fixtures/distilbert")));
  const auto blip = Shipped::open(folder_of("digits-blip"), {});
  ASSERT_FALSE(blip);
  EXPECT_EQ(blip.error().code, ErrorCode::kUnknownTask);
  EXPECT_NE(blip.error().message.find("Blip"), std::string::npos);
}

}  // namespace
}  // namespace ipfs_accelerate
