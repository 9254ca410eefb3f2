// Recorded pictures: decoded, resized and prepared as Pillow and transformers did (tests/fixtures/images).
#include "host/pictures/pictures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "golden/tensor_files.h"
#include "input/image/image_processor.h"

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::json;
const std::filesystem::path kFolder = IA_SOURCE_DIR "/tests/fixtures/images";

Json json_of(const std::string& name) { return Json::parse(read_text(kFolder / name).value()); }

Image decoded(const std::string& file) {
  const std::string content = read_text(kFolder / file).value();
  Result<Image> image = host::decode_picture(as_bytes(content), Stop());
  EXPECT_TRUE(image) << file << ": " << image.error().message;
  return image ? *std::move(image) : Image();
}

struct Tensors {
  explicit Tensors(const std::string& name) { EXPECT_TRUE(files.add(kFolder / name)); }
  /// A recorded picture: [height, width, 3].
  Image image(const std::string& name) const {
    const Tensor levels = files.ints(name).value();
    Image image{static_cast<int>(levels.shape[1]), static_cast<int>(levels.shape[0]), {}};
    for (const std::int32_t level : levels.i32s()) image.pixels.push_back(static_cast<std::uint8_t>(level));
    return image;
  }
  TensorFiles files;
};

/// The largest difference of a level; 256 when the sizes differ.
int difference(const Image& a, const Image& b) {
  if (a.width != b.width || a.height != b.height || a.pixels.size() != b.pixels.size()) return 256;
  int largest = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) largest = std::max(largest, std::abs(a.pixels[i] - b.pixels[i]));
  return largest;
}

float difference(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) return INFINITY;
  float largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

bool is_jpeg(const std::string& file) { return file.ends_with(".jpg"); }

// Pillow's library for JPEG may round otherwise than ours; a PNG has one right answer.
constexpr int kJpegLevels = 4;

TEST(Pictures, DecodeAsPillowDoes) {
  const Tensors golden("golden.safetensors"), more("more.safetensors");
  std::size_t count = 0;
  for (const Json& one : json_of("golden.json")["images"]) {
    const std::string file = one["file"];
    EXPECT_LE(difference(decoded(file), golden.image(one["decoded_rgb"])), is_jpeg(file) ? kJpegLevels : 0) << file;
    ++count;
  }
  for (const Json& one : json_of("more.json")["decode"]) {
    const std::string file = one["file"];
    EXPECT_LE(difference(decoded(file), more.image(one["tensor"])), is_jpeg(file) ? kJpegLevels : 0) << file;
    ++count;
  }
  EXPECT_EQ(count, 28u);
}

/// The browser tests show the same files to the page's decoders.
TEST(Pictures, DamagedOnesAreRefused) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder / "damaged")) {
    const std::string content = read_text(entry.path()).value(), name = entry.path().filename().string();
    const Result<Image> image = host::decode_picture(as_bytes(content), Stop());
    ASSERT_FALSE(image) << name;
    ErrorCode wanted = ErrorCode::kMalformedMedia;
    if (name == "huge.png") wanted = ErrorCode::kLimitExceeded;
    if (name == "other.gif") wanted = ErrorCode::kUnsupportedMedia;
    EXPECT_EQ(image.error().code, wanted) << name << ": " << image.error().message;
    ++count;
  }
  EXPECT_EQ(count, 7u);
}

TEST(Pictures, ResizeAsPillowDoes) {
  const Tensors more("more.safetensors");
  std::size_t count = 0;
  for (const Json& one : json_of("more.json")["resize"]) {
    const auto resample = static_cast<Resample>(one["resample"].get<int>());
    const Result<Image> made = resize(decoded(one["file"]), one["width"], one["height"], resample);
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ(difference(*made, more.image(one["tensor"])), 0) << one;
    ++count;
  }
  EXPECT_EQ(count, 36u);
}

/// Every `stride`-th row and column of each colour, from `at(color, y, x)`.
template <class At>
auto strided(int height, int width, int stride, At&& at) {
  std::vector<decltype(at(0, 0, 0))> values;
  for (int color = 0; color < 3; ++color) {
    for (int y = 0; y < height; y += stride) {
      for (int x = 0; x < width; x += stride) values.push_back(at(color, y, x));
    }
  }
  return values;
}

/// One image with one of the two processors of golden.json, from the recorded pixels.
void check_golden(const Tensors& golden, const Image& image, const ImageProcessor& processor, const Json& recorded) {
  const Result<Image> levels = processor.resize_and_crop(image);
  ASSERT_TRUE(levels) << levels.error().message;
  const auto level = [&](int color, int y, int x) {
    return static_cast<std::int32_t>(levels->pixels[static_cast<std::size_t>(3 * (y * levels->width + x) + color)]);
  };
  const std::vector<std::int32_t> some = strided(224, 224, recorded["u8_stride"], level);
  const Tensor wanted = golden.files.ints(recorded["u8"]).value();
  EXPECT_TRUE(std::ranges::equal(some, wanted.i32s()));
  std::int64_t sum = 0;
  for (const std::uint8_t one : levels->pixels) sum += one;
  EXPECT_EQ(sum, recorded["u8_sum"].get<std::int64_t>());

  const Result<Tensor> prepared = processor.prepare(image);
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_EQ(Json(prepared->shape), recorded["shape"]);
  const auto value = [&](int color, int y, int x) {
    return prepared->f32s()[static_cast<std::size_t>((color * 224 + y) * 224 + x)];
  };
  const std::vector<float> values = strided(224, 224, recorded["stride"], value);
  EXPECT_LE(difference(values, golden.files.floats(recorded["pixel_values"])->f32s()), 1e-6f);
}

TEST(Pictures, PrepareAsRecordedWithTheUsualProcessors) {
  const Tensors golden("golden.safetensors");
  const auto vit = ImageProcessor::from_json(R"({"image_processor_type": "ViTImageProcessor"})");
  const auto clip = ImageProcessor::from_json(R"({"image_processor_type": "CLIPImageProcessor"})");
  ASSERT_TRUE(vit && clip);
  for (const Json& one : json_of("golden.json")["images"]) {
    SCOPED_TRACE(one["file"]);
    const Image image = golden.image(one["decoded_rgb"]);
    check_golden(golden, image, *vit, one["processors"]["vit_bilinear_224"]);
    check_golden(golden, image, *clip, one["processors"]["clip_bicubic_crop_224"]);
  }
}

TEST(Pictures, PrepareAsRecordedWithModelsOwnConfigs) {
  for (const std::string model : {"vit", "clip"}) {
    const auto processor = ImageProcessor::from_json(read_text(kFolder / model / "preprocessor_config.json").value());
    ASSERT_TRUE(processor) << processor.error().message;
    const Tensors golden(model + "/golden.safetensors");
    const Tensor both = golden.files.floats("pixel_values").value();
    for (std::size_t i = 0; i < 2; ++i) {
      const auto prepared = processor->prepare(decoded(std::format("{}/image{}.png", model, i)));
      ASSERT_TRUE(prepared) << prepared.error().message;
      const std::size_t size = prepared->f32s().size();
      EXPECT_LE(difference(prepared->f32s(), both.f32s().subspan(i * size, size)), 1e-6f) << model << i;
    }
  }
}

TEST(Pictures, PrepareAsTransformersInEveryForm) {
  const Tensors more("more.safetensors");
  std::size_t count = 0;
  for (const Json& one : json_of("more.json")["prepare"]) {
    SCOPED_TRACE(one.dump());
    const auto processor = ImageProcessor::from_json(one["config"].dump());
    ASSERT_TRUE(processor) << processor.error().message;
    const auto prepared = processor->prepare(decoded(one["file"]));
    ASSERT_TRUE(prepared) << prepared.error().message;
    const Tensor wanted = more.files.floats(one["tensor"]).value();
    ASSERT_EQ(prepared->shape, wanted.shape);
    EXPECT_LE(difference(prepared->f32s(), wanted.f32s()), 1e-6f);
    ++count;
  }
  EXPECT_EQ(count, 39u);
}

}  // namespace
}  // namespace ipfs_accelerate
