// What a preprocessor_config.json may say, and what is refused. Numbers are compared in tests/pictures.
#include "input/image/image_processor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ipfs_accelerate {
namespace {

using testing::HasSubstr;

Result<ImageProcessor> vit(const std::string& rest) {
  return ImageProcessor::from_json(R"({"image_processor_type": "ViTImageProcessor", )" + rest + "}");
}

Image gray(int width, int height) {
  return {width, height, Bytes(3 * static_cast<std::size_t>(width) * static_cast<std::size_t>(height), 128)};
}

Shape shape_for(const std::string& rest, int width, int height) {
  const auto processor = vit(rest);
  EXPECT_TRUE(processor) << processor.error().message;
  const auto tensor = processor->prepare(gray(width, height));
  EXPECT_TRUE(tensor) << tensor.error().message;
  return tensor ? tensor->shape : Shape{};
}

TEST(ImageProcessor, TheTypeIsNamedInManyWays) {
  for (const std::string text :
       {R"({"image_processor_type": "CLIPImageProcessor"})", R"({"image_processor_type": "CLIPImageProcessorFast"})",
        R"({"image_processor_type": "CLIPImageProcessorPil"})", R"({"feature_extractor_type": "CLIPFeatureExtractor"})",
        R"({"image_processor_type": null, "feature_extractor_type": "CLIPFeatureExtractor"})"}) {
    const auto processor = ImageProcessor::from_json(text);
    ASSERT_TRUE(processor) << text;
    EXPECT_EQ(processor->prepare(gray(300, 260))->shape, (Shape{3, 224, 224})) << text;
  }
  const auto by_model = ImageProcessor::from_json("{}", "deit");
  ASSERT_TRUE(by_model);
  EXPECT_EQ(by_model->prepared_size()->height, 224);
}

TEST(ImageProcessor, AnUnknownTypeIsAnError) {
  const auto unknown = ImageProcessor::from_json(R"({"image_processor_type": "AbacusImageProcessor"})");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::kMalformedConfig);
  EXPECT_THAT(unknown.error().message, HasSubstr("image_processor_type 'AbacusImageProcessor' is not supported"));
  const auto none = ImageProcessor::from_json("{}", "bert");
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message, HasSubstr("image_processor_type"));
}

TEST(ImageProcessor, SizesComeInEveryForm) {
  EXPECT_EQ(shape_for(R"("size": 20)", 50, 40), (Shape{3, 20, 20}));
  EXPECT_EQ(shape_for(R"("size": {"height": 20, "width": 30})", 50, 40), (Shape{3, 20, 30}));
  EXPECT_EQ(shape_for(R"("size": {"shortest_edge": 20})", 50, 40), (Shape{3, 20, 25}));
  EXPECT_EQ(shape_for(R"("size": 20, "default_to_square": false)", 50, 40), (Shape{3, 20, 25}));
  EXPECT_EQ(shape_for(R"("size": {"shortest_edge": 20, "longest_edge": 22})", 40, 80), (Shape{3, 22, 11}));
  EXPECT_EQ(shape_for(R"("size": {"shortest_edge": 40, "longest_edge": 90})", 40, 80), (Shape{3, 80, 40}));
  EXPECT_EQ(shape_for(R"("size": 20, "do_resize": false)", 50, 40), (Shape{3, 40, 50}));
  EXPECT_EQ(shape_for(R"("size": 20, "do_center_crop": true, "crop_size": 24)", 50, 40), (Shape{3, 24, 24}));
  EXPECT_FALSE(vit(R"("size": {"shortest_edge": 20})")->prepared_size());
  EXPECT_EQ(vit(R"("size": {"height": 20, "width": 30})")->prepared_size()->width, 30);
}

TEST(ImageProcessor, WhatIsWrongIsNamed) {
  for (const auto& [text, named] : std::vector<std::pair<std::string, std::string>>{
           {R"("size": 0)", "size must be a whole number from 1"},
           {R"("size": -3)", "size must be"},
           {R"("size": 3.5)", "size must be"},
           {R"("size": 1e99)", "size must be"},
           {R"("size": 16385)", "from 1 to 16384"},
           {R"("size": "big")", "size must be"},
           {R"("size": [3, 4])", "size must be"},
           {R"("size": {})", "size must be a number, or have height and width"},
           {R"("size": {"height": 3})", "size must be a number, or have"},
           {R"("size": {"longest_edge": 3})", "size must be a number, or have"},
           {R"("size": {"height": 3, "width": 0})", "size.width must be"},
           {R"("size": {"shortest_edge": "3"})", "size.shortest_edge must be"},
           {R"("do_center_crop": true)", "crop_size must be"},
           {R"("do_center_crop": true, "crop_size": {"shortest_edge": 3})", "crop_size must be"},
           {R"("crop_size": 99999999999)", "crop_size must be"},
           {R"("resample": 4)", "resample must be 0 (nearest)"},
           {R"("resample": "bicubic")", "resample must be"},
           {R"("rescale_factor": "1/255")", "rescale_factor must be a finite number"},
           {R"("rescale_factor": 1e300)", "rescale_factor must be a finite number"},
           {R"("image_mean": [0.5, 0.5])", "image_mean must be three numbers"},
           {R"("image_mean": [0.5, 0.5, true])", "image_mean must be a finite number"},
           {R"("image_std": [0.5, 0, 0.5])", "image_std must be other than zero"},
           {R"("do_resize": 1)", "do_resize must be true or false"},
           {R"("do_convert_rgb": "yes")", "do_convert_rgb must be"},
           {R"("do_pad": true)", "do_pad must be false: this step is not supported"},
           {R"("do_flip_channel_order": true)", "do_flip_channel_order must be false"},
           {R"("feature_extractor_type": )", "no JSON object"}}) {
    const auto processor = vit(text);
    ASSERT_FALSE(processor) << text;
    EXPECT_EQ(processor.error().code, ErrorCode::kMalformedConfig) << text;
    EXPECT_THAT(processor.error().message, HasSubstr("preprocessor_config.json"));
    EXPECT_THAT(processor.error().message, HasSubstr(named)) << text;
  }
  EXPECT_FALSE(ImageProcessor::from_json("[]"));
  EXPECT_FALSE(ImageProcessor::from_json(std::string(100'000, '[')));
  EXPECT_FALSE(ImageProcessor::from_json(R"({"image_processor_type": 7})"));
}

TEST(ImageProcessor, WhatSaysNothingIsAbsent) {
  EXPECT_TRUE(vit(R"("crop_size": null, "do_center_crop": null, "do_pad": null, "do_reduce_labels": false)"));
  EXPECT_TRUE(vit(R"("processor_class": "X", "data_format": "channels_first", "image_mean": 0.5, "image_std": 0.25)"));
}

TEST(ImageProcessor, APictureItCannotPrepareIsAnError) {
  const auto edge = vit(R"("size": {"shortest_edge": 224})");
  const auto thin = edge->prepare(gray(16384, 1));  // 3,670,016 x 224
  ASSERT_FALSE(thin);
  EXPECT_EQ(thin.error().code, ErrorCode::kLimitExceeded);
  const auto nothing = vit(R"("size": {"shortest_edge": 4, "longest_edge": 4})")->prepare(gray(16384, 1));
  ASSERT_FALSE(nothing);  // 4 x 0
  EXPECT_EQ(nothing.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(edge->prepare({}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(edge->prepare({4, 4, Bytes(47)}).error().code, ErrorCode::kInvalidArgument);
  const auto large = vit(R"("size": 8000, "resample": 0)")->prepare(gray(2, 2));
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, ErrorCode::kLimitExceeded);
  EXPECT_THAT(large.error().message, HasSubstr("8000 x 8000"));
}

}  // namespace
}  // namespace ipfs_accelerate
