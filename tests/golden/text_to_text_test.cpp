// An encoder-decoder from its folder through the core: recorded logits, hidden states and generated ids.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/core.h"
#include "golden/tensor_files.h"
#include "host/native/native_host.h"
#include "store/test_folder.h"

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::json;

class TextToText : public testing::Test {
 protected:
  TextToText() {
    golden_ = Json::parse(read_text(model_ / "golden.json").value());
    EXPECT_TRUE(recorded_.add(model_ / "golden.safetensors"));
  }

  const Json& case_of(std::string_view name) const {
    for (const Json& one : golden_["cases"]) {
      if (one["name"] == name) return one;
    }
    throw std::runtime_error("no such case");
  }
  static std::vector<Content> texts_of(const Json& one_case) {
    std::vector<Content> texts;
    for (const Json& text : one_case["texts"]) texts.emplace_back(Text{text.get<std::string>()});
    return texts;
  }
  Request request() const {
    Request request;
    request.model = model_.string();
    request.config.platform = "cpu";
    request.hidden_states = true;
    return request;
  }
  Result<RunResult> run(const Request& request, std::vector<Content> items) {
    return native_->loop().block_on(core_.run(request, std::move(items), {}, Stop()));
  }
  Result<Evaluation> evaluate(std::vector<std::pair<std::string, Tensor>> tensors) {
    return native_->loop().block_on(core_.evaluate(request(), {.tensors = std::move(tensors)}, {}, Stop()));
  }
  /// The ids of a generate case, as the model would have gone on: without the start, what ended it and padding.
  void expect_ids(const std::string& name) {
    const Json& one_case = case_of(name);
    Request wanted = request();
    wanted.config.max_new_tokens = one_case["generate"]["max_new_tokens"];
    const std::int32_t stop = one_case["generate"].value("eos_token_id", 1);
    wanted.config.stop_token_ids = {stop};
    const auto result = run(wanted, texts_of(one_case));
    ASSERT_TRUE(result) << result.error().message;
    ASSERT_EQ(result->answers.size(), one_case["sequences"].size());
    for (std::size_t i = 0; i < result->answers.size(); ++i) {
      auto ids = one_case["sequences"][i].get<std::vector<std::int32_t>>();
      ids.erase(ids.begin());
      const auto end = std::ranges::find(ids, stop);
      const std::string reason = end == ids.end() ? "length" : "stop";
      ids.erase(end, ids.end());
      const auto& text = std::get<GeneratedText>(result->answers[i]);
      EXPECT_EQ(text.tokens, ids) << name << " " << i;
      EXPECT_EQ(text.finish_reason, reason);
      if (one_case.contains("decoded")) EXPECT_EQ(text.text, one_case["decoded"][i].get<std::string>());
    }
  }

  const std::filesystem::path model_ = std::filesystem::path(IA_SOURCE_DIR) / "tests/fixtures/t5";
  const store::TestFolder folder_;
  std::unique_ptr<host::NativeHost> native_ = host::NativeHost::open(folder_.path / "home").value();
  Core core_{native_->host()};
  Json golden_;
  TensorFiles recorded_;
};

/// The largest difference of rows that count.
double difference(const Tensor& actual, const Tensor& expected, std::span<const std::int32_t> mask) {
  double most = 0;
  const std::size_t each = actual.f32s().size() / mask.size();
  for (std::size_t at = 0; at < actual.f32s().size(); ++at) {
    if (mask[at / each] == 0) continue;
    const double off = std::abs(actual.f32s()[at] - expected.f32s()[at]);
    most = off <= most ? most : off;  // NaN stays
  }
  return most;
}

TEST_F(TextToText, EveryOutputIsAsRecorded) {
  const Json& one_case = case_of("forward");
  std::vector<std::pair<std::string, Tensor>> given;
  for (const auto& [name, stored] : one_case["inputs"].items()) {
    given.emplace_back(name, recorded_.ints(stored.get<std::string>()).value());
  }
  const auto mask = recorded_.ints(one_case["inputs"]["attention_mask"].get<std::string>()).value();
  const auto evaluation = evaluate(given);
  ASSERT_TRUE(evaluation) << evaluation.error().message;
  EXPECT_EQ(evaluation->predicted.states, evaluation->taken.states);
  std::size_t compared = 0;
  for (const auto& [name, tensor] : evaluation->outputs) {
    if (name == "token") continue;
    ASSERT_TRUE(one_case["outputs"].contains(name)) << name;
    const Tensor expected = recorded_.floats(one_case["outputs"][name].get<std::string>()).value();
    ASSERT_EQ(tensor.shape, expected.shape) << name;
    std::vector<std::int32_t> rows(static_cast<std::size_t>(tensor.shape[0] * tensor.shape[1]), 1);
    if (name.starts_with("encoder")) rows.assign(mask.i32s().begin(), mask.i32s().end());
    EXPECT_LE(difference(tensor, expected, rows), 1e-4) << name;
    ++compared;
  }
  EXPECT_EQ(compared, 7u);  // three states of each part, and logits
}

TEST_F(TextToText, GeneratesWhatIsRecorded) {
  expect_ids("generate_greedy");
  expect_ids("generate_stop");  // one text ends, the other goes on; the states are large enough already
}

TEST_F(TextToText, WhatCannotBeIsRefused) {
  const Tensor ids = Tensor::i32({1, 2});
  const auto code = [&](std::vector<std::pair<std::string, Tensor>> given) {
    const auto evaluation = evaluate(std::move(given));
    return evaluation ? ErrorCode{} : evaluation.error().code;
  };
  EXPECT_EQ(code({{"input_ids", ids}, {"decoder_input_ids", ids}}), ErrorCode{});
  EXPECT_EQ(code({{"input_ids", ids}}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({{"input_ids", ids}, {"decoder_input_ids", Tensor::i32({2, 2})}}), ErrorCode::kInvalidArgument);
  Tensor gap = Tensor::i32({1, 2});
  gap.i32s()[1] = 1;
  EXPECT_EQ(code({{"input_ids", ids}, {"attention_mask", gap}, {"decoder_input_ids", ids}}),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({{"input_ids", ids}, {"decoder_input_ids", Tensor::i32({1, 600})}}), ErrorCode::kLimitExceeded);
  EXPECT_EQ(code({{"input_ids", Tensor::i32({1, 600})}, {"decoder_input_ids", ids}}), ErrorCode::kInputTooLong);
  Request other = request();
  other.config.task = "text-generation";
  EXPECT_EQ(run(other, {Text{"a"}}).error().code, ErrorCode::kUnknownTask);
  std::string long_text;
  for (int i = 0; i < 200; ++i) long_text += "lamp ";
  EXPECT_EQ(run(request(), {Text{long_text}}).error().code, ErrorCode::kInputTooLong);
}

}  // namespace
}  // namespace ipfs_accelerate
