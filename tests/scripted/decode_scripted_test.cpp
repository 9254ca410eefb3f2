// The scripted decoder: pictures by their bytes, in virtual time.
#include <gtest/gtest.h>

#include "scripted/scripted_host.h"

namespace ipfs_accelerate::scripted {
namespace {

TEST(ScriptedDecode, GivesThePictureOfTheseBytes) {
  for (const bool addressable : {true, false}) {
    ScriptedHost script(addressable);
    script.pictures[{1, 2, 3}] = Image{1, 1, {7, 8, 9}};
    const auto image = script.run(script.host().decode.picture(own_bytes({1, 2, 3}), Stop()));
    ASSERT_TRUE(image) << image.error().message;
    EXPECT_EQ(image->pixels, (Bytes{7, 8, 9}));
    const auto other = script.run(script.host().decode.picture(own_bytes({1, 2}), Stop()));
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, ErrorCode::kUnsupportedMedia);
    EXPECT_EQ(script.traced(), "decode picture 3\ndecode picture 2\n");
  }
}

TEST(ScriptedDecode, EndsWhenStopped) {
  ScriptedHost script;
  script.pictures[{1}] = Image{1, 1, {7, 8, 9}};
  script.decode_seconds = 5;
  const Stop stop;
  script.at(2, [&] { stop.request(); });
  const auto image = script.run(script.host().decode.picture(own_bytes({1}), stop));
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(script.now(), 2);
}

}  // namespace
}  // namespace ipfs_accelerate::scripted
