// The native decode port: aside of the executor, errors as values.
#include "host/native/decode.h"

#include <gtest/gtest.h>

#include <fstream>

#include "host/native/native_host.h"
#include "store/test_folder.h"

namespace ipfs_accelerate::host {
namespace {

struct DecodePort : testing::Test {
  store::TestFolder folder;
  std::unique_ptr<NativeHost> native = *NativeHost::open(folder.path / "home");

  Result<Image> picture(Bytes bytes, const Stop& stop = {}) {
    return native->loop().block_on(native->host().decode.picture(own_bytes(std::move(bytes)), stop));
  }
  static Bytes content(const std::string& name) {
    std::ifstream in(IA_SOURCE_DIR "/tests/fixtures/images/" + name, std::ios::binary);
    return Bytes(std::istreambuf_iterator<char>(in), {});
  }
};

TEST_F(DecodePort, GivesPixels) {
  const auto image = picture(content("shapes_rgb.png"));
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(std::pair(image->width, image->height), std::pair(97, 61));
  EXPECT_TRUE(check_image(*image));
  const auto turned = picture(content("files/turned6.jpg"));  // stored as 24 x 16
  ASSERT_TRUE(turned) << turned.error().message;
  EXPECT_EQ(std::pair(turned->width, turned->height), std::pair(16, 24));
}

TEST_F(DecodePort, WhatIsWrongHasACode) {
  EXPECT_EQ(picture({}).error().code, ErrorCode::kUnsupportedMedia);
  EXPECT_EQ(picture({'G', 'I', 'F', '8'}).error().code, ErrorCode::kUnsupportedMedia);
  Bytes cut = content("photo_like.jpg");
  cut.resize(cut.size() / 2);
  EXPECT_EQ(picture(cut).error().code, ErrorCode::kMalformedMedia);
  const Stop stop;
  stop.request();
  EXPECT_EQ(picture(content("photo_like.jpg"), stop).error().code, ErrorCode::kCancelled);
}

}  // namespace
}  // namespace ipfs_accelerate::host
