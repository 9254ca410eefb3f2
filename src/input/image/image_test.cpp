// Sizes of pictures, turning them, and resizing at its limits.
#include "input/image/image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "input/image/resize.h"

namespace ipfs_accelerate {
namespace {

using testing::HasSubstr;

ErrorCode code_of(const auto& result) { return result ? ErrorCode{} : result.error().code; }

TEST(Image, SizesHaveLimits) {
  EXPECT_TRUE(check_image_size("it", 1, kMaxImageSide));
  EXPECT_TRUE(check_image_size("it", kMaxImageSide / 2, kMaxImageSide / 2));
  EXPECT_EQ(code_of(check_image_size("it", kMaxImageSide / 2, kMaxImageSide / 2 + 1)), ErrorCode::kLimitExceeded);
  EXPECT_EQ(code_of(check_image_size("it", 1, kMaxImageSide + 1)), ErrorCode::kLimitExceeded);
  EXPECT_EQ(code_of(check_image_size("it", INT64_MAX, INT64_MAX)), ErrorCode::kLimitExceeded);
  EXPECT_EQ(code_of(check_image_size("it", 0, 5)), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of(check_image_size("it", 5, -1)), ErrorCode::kInvalidArgument);
  EXPECT_THAT(check_image_size("it", 20000, 3).error().message, HasSubstr("it is 20000 x 3; a side may have 16384"));
}

TEST(Image, PixelsMustFitTheSize) {
  EXPECT_TRUE(check_image({2, 1, Bytes(6)}));
  EXPECT_EQ(code_of(check_image({2, 1, Bytes(5)})), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of(check_image({2, 1, Bytes(8)})), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of(check_image({})), ErrorCode::kInvalidArgument);
}

/// Rows of letters as a picture, and back.
Image drawn(const std::vector<std::string>& rows) {
  Image image{static_cast<int>(rows[0].size()), static_cast<int>(rows.size()), {}};
  for (const std::string& row : rows) {
    for (const char letter : row) image.pixels.insert(image.pixels.end(), 3, static_cast<std::uint8_t>(letter));
  }
  return image;
}
std::vector<std::string> rows_of(const Image& image) {
  std::vector<std::string> rows;
  for (int y = 0; y < image.height; ++y) {
    std::string row;
    for (int x = 0; x < image.width; ++x) {
      row += static_cast<char>(image.pixels[static_cast<std::size_t>(3 * (y * image.width + x) + 2)]);
    }
    rows.push_back(row);
  }
  return rows;
}

TEST(Image, IsTurnedAsExifSays) {
  const Image stored = drawn({"ab", "cd", "ef"});
  const std::vector<std::vector<std::string>> wanted{{"ab", "cd", "ef"}, {"ba", "dc", "fe"}, {"fe", "dc", "ba"},
                                                     {"ef", "cd", "ab"}, {"ace", "bdf"},     {"eca", "fdb"},
                                                     {"fdb", "eca"},     {"bdf", "ace"}};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    EXPECT_EQ(rows_of(upright(stored, orientation)), wanted[static_cast<std::size_t>(orientation - 1)]) << orientation;
  }
  for (const int unknown : {-1, 0, 9, 100}) EXPECT_EQ(rows_of(upright(stored, unknown)), wanted[0]);
}

TEST(Resize, TheSameSizeIsTheSamePicture) {
  const Image image = drawn({"abc", "def"});
  for (const Resample resample : {Resample::kNearest, Resample::kLanczos, Resample::kBilinear, Resample::kBicubic}) {
    EXPECT_EQ(resize(image, 3, 2, resample)->pixels, image.pixels);
  }
}

TEST(Resize, OnePixelFillsEverySize) {
  const Image one{1, 1, {10, 200, 255}};
  for (const Resample resample : {Resample::kNearest, Resample::kLanczos, Resample::kBilinear, Resample::kBicubic}) {
    const Image made = resize(one, 5, 300, resample).value();
    for (std::size_t i = 0; i < made.pixels.size(); ++i) ASSERT_EQ(made.pixels[i], one.pixels[i % 3]) << i;
  }
}

TEST(Resize, ItsLimitsAreErrors) {
  const Image image = drawn({"abc", "def"});
  EXPECT_EQ(code_of(resize(image, 0, 2, Resample::kBilinear)), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of(resize(image, 3, kMaxImageSide + 1, Resample::kNearest)), ErrorCode::kLimitExceeded);
  EXPECT_EQ(code_of(resize(image, 1 << 14, 1 << 13, Resample::kBicubic)), ErrorCode::kLimitExceeded);
  EXPECT_EQ(code_of(resize({3, 2, Bytes(17)}, 1, 1, Resample::kBicubic)), ErrorCode::kInvalidArgument);
  // Small at both ends, and huge between the two passes.
  const Image tall{1, 1 << 14, Bytes(3 << 14)};
  EXPECT_EQ(code_of(resize(tall, 1 << 14, 1, Resample::kBilinear)), ErrorCode::kLimitExceeded);
  EXPECT_TRUE(resize(tall, 16, 1, Resample::kLanczos));
}

}  // namespace
}  // namespace ipfs_accelerate
