// Adding with symbolic links followed: a hub's cache folder, loops, links that lead nowhere.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/store.h"
#include "store/test_folder.h"

namespace ipfs_accelerate::store {
namespace {

using testing::HasSubstr;

// As the Hugging Face hub lays out its cache: the snapshot holds links, the blobs lie beside it.
struct Dereference : testing::Test {
  TestFolder folder;
  std::shared_ptr<Store> store = *Store::open(folder.path / "store");
  fs::path plain = folder.path / "plain", blobs = folder.path / "cache/blobs",
           snapshot = folder.path / "cache/snapshots/abc";
  AddOptions options{.dereference = true};

  void SetUp() override {
    put("config.json", "../../blobs/c0", [](const fs::path& path) { write_text(path, "{}"); });
    put("model.safetensors", "../../blobs/m0", [](const fs::path& path) { write_random(path, 2'500'000, 7); });
    put("1_Pooling/config.json", "../../../blobs/p0", [](const fs::path& path) { write_text(path, "{1}"); });
    write_text(plain / "real.txt", "no link");
    write_text(snapshot / "real.txt", "no link");
  }
  void put(const std::string& name, const std::string& target, const std::function<void(const fs::path&)>& write) {
    write(plain / name);
    write(blobs / fs::path(target).filename());
    fs::create_directories((snapshot / name).parent_path());
    fs::create_symlink(target, snapshot / name);
  }
};

TEST_F(Dereference, SameCidAsRealFiles) {
  const auto expected = store->add(plain);
  for (const bool reference : {false, true}) {
    options.reference = reference;
    const auto added = store->add(snapshot, options);
    ASSERT_TRUE(added) << added.error().message;
    EXPECT_EQ(added->root, expected->root);
    EXPECT_EQ(added->files, 4u);
  }
  EXPECT_NE(Store::only_hash(snapshot)->root, expected->root);  // links stay links unless asked for
}

TEST_F(Dereference, FoldersBehindLinksAreAdded) {
  fs::create_directory_symlink(plain, snapshot / "linked");
  fs::create_directories(snapshot / "also");
  fs::create_directory_symlink("../linked", snapshot / "also/twice");  // not a loop: the same folder beside itself
  fs::copy(plain, plain.parent_path() / "expected", fs::copy_options::recursive);
  const fs::path expected = plain.parent_path() / "expected";
  fs::copy(plain, expected / "linked", fs::copy_options::recursive);
  fs::create_directories(expected / "also");
  fs::copy(plain, expected / "also/twice", fs::copy_options::recursive);
  const auto added = Store::only_hash(snapshot, options);
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_EQ(added->root, Store::only_hash(expected)->root);
}

TEST_F(Dereference, ReferencedTargetIsVerifiedAgainWhenItChanges) {
  options.reference = true;
  const auto added = store->add(snapshot, options);
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_GT(store->stat()->referenced_bytes, 2'000'000u);
  const std::string path = added->root.text() + "/model.safetensors";
  fs::last_write_time(blobs / "m0", fs::file_time_type::clock::now());
  ASSERT_TRUE(store->open_file(path));
  flip_byte(blobs / "m0", 1'500'000);
  const auto changed = store->open_file(path);
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().code, ErrorCode::kIntegrity);
  EXPECT_THAT(changed.error().message, HasSubstr("blobs/m0"));
  EXPECT_NE(store->add(snapshot, options)->root, added->root);
}

TEST_F(Dereference, LinksThatLeadNowhereAreErrors) {
  fs::create_symlink("../../blobs/gone", snapshot / "tokenizer.json");
  const auto dangling = Store::only_hash(snapshot, options);
  ASSERT_FALSE(dangling);
  EXPECT_EQ(dangling.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(dangling.error().message, HasSubstr("tokenizer.json points to ../../blobs/gone"));
  fs::remove(snapshot / "tokenizer.json");
  fs::create_symlink("b", snapshot / "a");
  fs::create_symlink("a", snapshot / "b");
  const auto circle = Store::only_hash(snapshot, options);
  ASSERT_FALSE(circle);
  EXPECT_EQ(circle.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(circle.error().message, HasSubstr("abc/a"));
}

TEST_F(Dereference, LoopsAndCrossingLinksAreErrors) {
  fs::create_directory_symlink("..", snapshot / "1_Pooling/up");
  const auto loop = Store::only_hash(snapshot, options);
  ASSERT_FALSE(loop);
  EXPECT_EQ(loop.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(loop.error().message, HasSubstr("1_Pooling/up"));
  for (int i = 0; i < 20; ++i) {  // 2^20 paths
    fs::create_directories(folder.path / "cross" / std::to_string(i));
    for (const char* name : {"l", "r"})
      fs::create_directory_symlink("../" + std::to_string(i + 1), folder.path / "cross" / std::to_string(i) / name);
  }
  write_text(folder.path / "cross/20/end", "x");
  EXPECT_EQ(Store::only_hash(folder.path / "cross/0", options).error().code, ErrorCode::kLimitExceeded);
}

TEST_F(Dereference, SpecialFilesBehindLinksAreRefused) {
  fs::create_symlink("/dev/null", snapshot / "null");
  EXPECT_EQ(Store::only_hash(snapshot, options).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace ipfs_accelerate::store
