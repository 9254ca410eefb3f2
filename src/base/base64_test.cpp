#include "base/base64.h"

#include <gtest/gtest.h>

namespace ipfs_accelerate {
namespace {

TEST(Base64, TheVectorsOfTheRfc) {
  const auto of = [](std::string_view text) { return base64(Bytes(text.begin(), text.end())); };
  EXPECT_EQ(of(""), "");
  EXPECT_EQ(of("f"), "Zg==");
  EXPECT_EQ(of("fo"), "Zm8=");
  EXPECT_EQ(of("foo"), "Zm9v");
  EXPECT_EQ(of("foob"), "Zm9vYg==");
  EXPECT_EQ(of("fooba"), "Zm9vYmE=");
  EXPECT_EQ(of("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64(Bytes{0xfb, 0xff, 0xfe}), "+//+");
}

TEST(Base64, BytesComeBack) {
  Bytes bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(from_base64(base64(bytes)), bytes) << i;
    bytes.push_back(static_cast<std::uint8_t>(i * 37));
  }
}

TEST(Base64, OtherTextIsNone) {
  for (const char* text : {"Z", "Zg", "Zg=", "Zm9", "Zg==Zg==", "====", "=", "Zm9v\n", "Zm 9", "Zm9_",
                           "Zh==", "Zm9=", "Z===", "Zm\xC3\xA9"}) {
    EXPECT_EQ(from_base64(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace ipfs_accelerate
