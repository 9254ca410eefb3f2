// Tests of tasks on pictures on a scripted run: groups of equal size, order, limits, and what they refuse.
#include <gtest/gtest.h>

#include "base/in_place.h"
#include "graph/symbol.h"
#include "task/picture_batch.h"

namespace ipfs_accelerate {
namespace {

/// Its model names the label by the width of the pictures.
class PictureRun final : public TaskRun {
 public:
  ModelFacts model;
  std::optional<ImageProcessor> processor;
  TaskOptions given;
  std::vector<Shape> asked;

  const ModelFacts& facts() const override { return model; }
  Result<const Tokenizer*> tokenizer() const override { return fail(ErrorCode::kMissingTokenizer, "no tokenizer"); }
  Result<const ImageProcessor*> image_processor() const override {
    if (processor) return &*processor;
    return TaskRun::image_processor();
  }
  const TaskOptions& options() const override { return given; }
  Async<> offload(std::function<Result<>()> work) override { co_await work(); }
  Async<Image> decode(Picture picture) override {
    if (picture.file.empty()) co_await fail(ErrorCode::kMalformedMedia, "an empty file");
    co_return co_await make_image(picture.file[0], picture.file[0]);
  }
  Async<std::vector<NamedTensor>> compute(std::string, Batch inputs, std::vector<std::string> wanted) override {
    const Shape shape = inputs.inputs.at(0).second.shape;
    asked.push_back(shape);
    EXPECT_EQ(inputs.inputs.at(0).first, "pixel_values");
    EXPECT_EQ(inputs.inputs.size(), 1u);
    EXPECT_EQ(inputs.shape, (ShapeClass{{kBatch, shape[0]}, {kHeight, shape[2]}, {kWidth, shape[3]}}));
    Tensor logits = Tensor::f32({shape[0], 10});
    for (std::int64_t row = 0; row < shape[0]; ++row) logits.f32s()[static_cast<std::size_t>(row * 10 + shape[3])] = 5;
    co_return std::vector<NamedTensor>{{wanted.at(0), std::move(logits)}};
  }
  Async<> reserve_states(ShapeClass) override { co_return; }
  Async<> emit(TextEvent) override { co_return; }
  void count_tokens(std::int64_t) override {}
};

class PictureTasks : public ::testing::Test {
 protected:
  PictureTasks() {
    run_.model.architecture = "vit";
    run_.model.channels = 3;
    run_.model.patch_size = 2;
    for (int i = 0; i < 10; ++i) run_.model.labels.push_back(std::to_string(i));
    run_.processor = ImageProcessor::from_json(
                         R"({"image_processor_type": "ViTImageProcessor", "do_resize": false, "do_rescale": true,
                             "rescale_factor": 0.5, "do_normalize": false})")
                         .value();
  }
  static Pixels pixels(int width, int height) {
    return {width, height, std::vector<std::uint8_t>(static_cast<std::size_t>(3 * width * height))};
  }
  Result<std::vector<Answer>> answer(std::vector<Content> items, TaskOptions options = {.top_k = 1}) {
    run_.given = std::move(options);
    return run_in_place(find_task("image-classification").value()->answer(run_, std::move(items)));
  }
  Error error(std::vector<Content> items, TaskOptions options = {}) {
    const auto answers = answer(std::move(items), std::move(options));
    return answers ? Error{ErrorCode{}, "an answer"} : answers.error();
  }

  PictureRun run_;
};

TEST_F(PictureTasks, OneComputationForEachSizeAnswersInOrder) {
  const auto answers = answer({pixels(4, 3), Picture{{6}}, pixels(4, 3), pixels(6, 6), pixels(3, 4)});
  ASSERT_TRUE(answers) << answers.error().message;
  EXPECT_EQ(run_.asked, (std::vector<Shape>{{2, 3, 3, 4}, {2, 3, 6, 6}, {1, 3, 4, 3}}));
  std::vector<std::string> labels;
  for (const Answer& one : *answers) labels.push_back(std::get<Labels>(one).labels.at(0).label);
  EXPECT_EQ(labels, (std::vector<std::string>{"4", "6", "4", "6", "3"}));
}

TEST_F(PictureTasks, PixelsStayWhereTheyWere) {
  std::vector<Tensor> prepared{Tensor::f32({3, 2, 2}), Tensor::f32({3, 2, 2})};
  for (std::size_t i = 0; i < 12; ++i) {
    prepared[0].f32s()[i] = static_cast<float>(i);
    prepared[1].f32s()[i] = static_cast<float>(100 + i);
  }
  const auto batches = batched_pictures(prepared);
  ASSERT_TRUE(batches) << batches.error().message;
  ASSERT_EQ(batches->size(), 1u);
  const auto together = batches->at(0).tensors.inputs.at(0).second.f32s();
  ASSERT_EQ(together.size(), 24u);
  EXPECT_EQ(together[11], 11);
  EXPECT_EQ(together[12], 100);
}

TEST_F(PictureTasks, SaysWhichPictureIsWrong) {
  const Error broken = error({pixels(4, 4), Picture{}});
  EXPECT_EQ(broken.code, ErrorCode::kMalformedMedia);
  EXPECT_EQ(broken.message, "while reading input 1: an empty file");
  EXPECT_EQ(error({Pixels{2, 2, {1, 2, 3}}}).code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(error({Pixels{20000, 1, {}}}).code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(error({pixels(4, 1)}).message, "input 0 is prepared as 4 x 1 pixels, the model takes at least 2 x 2");
  run_.model.channels = 1;
  EXPECT_EQ(error({pixels(4, 4)}).message, "pictures are prepared with 3 channels, the model takes 1");
}

TEST_F(PictureTasks, ModelsAndOptionsThatDoNotFit) {
  EXPECT_EQ(error({pixels(4, 4)}, {.top_k = 0}).code, ErrorCode::kInvalidArgument);
  Stop stop;
  stop.request();
  EXPECT_EQ(error({pixels(4, 4)}, {.stop = stop}).code, ErrorCode::kCancelled);
  run_.processor.reset();
  EXPECT_EQ(error({pixels(4, 4)}).code, ErrorCode::kNotFound);
  run_.model.channels = 0;
  EXPECT_EQ(error({pixels(4, 4)}).message, "models of type 'vit' take no pictures");
}

TEST_F(PictureTasks, TextsAreRefusedByWord) {
  const auto texts = run_in_place(find_task("feature-extraction").value()->answer(run_, {Text{"a"}}));
  ASSERT_FALSE(texts);
  EXPECT_EQ(texts.error().code, ErrorCode::kUnknownTask);
  EXPECT_EQ(texts.error().message, "models of type 'vit' take no texts");
  EXPECT_EQ(check_takes(*find_task("image-classification").value(), {Text{"a"}}).error().message,
            "image-classification takes image, pixels; input 0 is a text");
}

}  // namespace
}  // namespace ipfs_accelerate
