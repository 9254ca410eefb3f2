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

}  // namespace
}  // namespace ipfs_accelerate
