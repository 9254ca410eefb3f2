// What a model is given, through the whole engine on the scripted host: tensors by name, and content a task does not
// take.
#include <gtest/gtest.h>

#include "scenarios/world.h"

namespace ipfs_accelerate::scripted {
namespace {

struct ContentTest : testing::Test {
  World world;
  Core core{world.host.host()};

  Result<Evaluation> evaluate(Given given) {
    return world.host.run(core.evaluate(world.request(), std::move(given), {}, Stop()));
  }
  static Tensor ints(std::vector<std::int32_t> values) {
    Tensor tensor = Tensor::i32({1, static_cast<std::int64_t>(values.size())});
    std::ranges::copy(values, tensor.i32s().begin());
    return tensor;
  }
};

TEST_F(ContentTest, TensorsByNameGiveWhatTokenIdsGive) {
  const auto ids = evaluate({.encodings = {{{2, 5, 3}, {}, {1, 1, 1}}}});
  const Given named{.tensors = {{"attention_mask", ints({1, 1, 1})},
                                {"input_ids", ints({2, 5, 3})},
                                {"position_ids", ints({0, 1, 2})}}};
  const auto tensors = evaluate(named);
  ASSERT_TRUE(ids) << ids.error().message;
  ASSERT_TRUE(tensors) << tensors.error().message;
  ASSERT_EQ(ids->outputs.size(), tensors->outputs.size());
  EXPECT_EQ(ids->outputs[0].first, tensors->outputs[0].first);
  EXPECT_EQ(ids->outputs[0].second.bytes, tensors->outputs[0].second.bytes);
}

TEST_F(ContentTest, TensorsThatDoNotFitAreNamed) {
  const auto missing = evaluate({.tensors = {{"input_ids", ints({2, 3})}}});
  EXPECT_EQ(missing.error().code, ErrorCode::kInvalidArgument);
  const auto both = evaluate({.encodings = {{{2, 3}, {}, {1, 1}}}, .tensors = {{"input_ids", ints({2, 3})}}});
  EXPECT_EQ(both.error().message, "give 'encodings' or 'tensors', not both");
}

TEST_F(ContentTest, OtherContentThanTheTaskTakesIsRefused) {
  const std::vector<Content> inputs = {Text{"red"}, Picture{{1, 2, 3}}};
  for (const auto& error : {world.host.run(core.run(world.request(), inputs, {}, Stop())).error(),
                            world.host.run(core.explain(world.request(), inputs, Stop())).error()}) {
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(error.message, "feature-extraction takes text, pair; input 1 is an image");
  }
}

TEST_F(ContentTest, OneListenerHearsOfTheLoad) {
  std::vector<std::string> heard;
  const Listener listener = [&](const Event& event) { heard.push_back(std::get<LoadEvent>(event).status); };
  const auto result = world.host.run(core.run(world.request(), {Text{"red"}}, listener, Stop()));
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_FALSE(heard.empty());
  EXPECT_EQ(heard.back(), "ready");
}

}  // namespace
}  // namespace ipfs_accelerate::scripted
