// Tests of the names file.
#include "host/native/names.h"

#include <gtest/gtest.h>

#include <fstream>

namespace ipfs_accelerate {
namespace {

namespace fs = std::filesystem;
constexpr const char* kCid = "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq";

class NamesTest : public testing::Test {
 protected:
  NamesTest()
      : home_(fs::path(testing::TempDir()) /
              ("names-" + std::to_string(::testing::UnitTest::GetInstance()->random_seed()))) {
    fs::remove_all(home_);
    fs::create_directories(home_);
  }
  ~NamesTest() override { fs::remove_all(home_); }
  fs::path home_;
};

TEST_F(NamesTest, SetReadAndForget) {
  Names names(home_);
  ASSERT_TRUE(names.all());
  EXPECT_TRUE(names.all()->empty());
  ASSERT_TRUE(names.set("owner/model-1.5", kCid));
  ASSERT_TRUE(names.set("other", "bafkqaaa"));
  EXPECT_EQ(Names(home_).all()->at("owner/model-1.5"), kCid);
  ASSERT_TRUE(names.forget_cid(kCid));
  EXPECT_EQ(names.all()->size(), 1u);
  EXPECT_TRUE(names.forget_cid("unknown"));
}

TEST_F(NamesTest, RefusesWhatCouldBeSomethingElse) {
  Names names(home_);
  for (const std::string bad :
       {"", ".", "..", "../up", "a/../b", "/a", "a/", "a//b", "-a", "a b", "a\n", "ipfs/x", kCid}) {
    const auto set = names.set(bad, kCid);
    ASSERT_FALSE(set) << bad;
    EXPECT_EQ(set.error().code, ErrorCode::kInvalidArgument) << bad;
  }
  EXPECT_FALSE(names.set(std::string(129, 'a'), kCid));
}

TEST_F(NamesTest, ADamagedFileIsAnErrorAndStays) {
  for (const char* text : {"", "{", "[]", "{\"a\": 1}"}) {
    std::ofstream(home_ / "names.json") << text;
    Names names(home_);
    ASSERT_FALSE(names.all()) << text;
    EXPECT_EQ(names.all().error().code, ErrorCode::kStoreCorrupt);
    EXPECT_FALSE(names.set("a", kCid));
  }
}

}  // namespace
}  // namespace ipfs_accelerate
