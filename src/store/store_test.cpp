// The store: adding, reading, references, damage, pins and gc, CAR, exports, readers beside a writer.
#include "store/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <random>

#include "content/directory.h"
#include "content/file_dag.h"
#include "content/unixfs.h"
#include "store/test_folder.h"

namespace ipfs_accelerate::store {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t kMiB = 1u << 20;

Bytes read_all(ByteSource& source) {
  const auto bytes = source.view(0, source.size());
  EXPECT_TRUE(bytes) << (bytes ? "" : bytes.error().message);
  return bytes ? Bytes(bytes->begin(), bytes->end()) : Bytes{};
}

struct StoreTest : testing::Test {
  TestFolder folder;
  std::shared_ptr<Store> store = *Store::open(folder.path / "store");
  fs::path source = folder.path / "source";

  void SetUp() override {
    write_random(source / "weights.bin", 5 * kMiB + 123, 1);
    write_random(source / "sub/other.bin", 2 * kMiB, 2);
    write_text(source / "config.json", "{\"a\": 1}");
    write_text(source / "empty", "");
    fs::create_directories(source / "nothing");
    fs::create_symlink("config.json", source / "link");
    write_text(source / ".hidden", "secret");
  }
  void reopen(Store::Mode mode = Store::Mode::kReadWrite) {
    store.reset();
    store = *Store::open(folder.path / "store", mode);
  }
  Added add(AddOptions options = {}) {
    auto added = store->add(source, options);
    EXPECT_TRUE(added) << added.error().message;
    return *added;
  }
};

class Profiles : public StoreTest, public testing::WithParamInterface<std::pair<content::ProfileName, bool>> {};

TEST_P(Profiles, RoundTrip) {
  const auto [profile, reference] = GetParam();
  const Added added = add({.profile = profile, .reference = reference});
  EXPECT_EQ(added.files, 5u);
  EXPECT_EQ(store->only_hash(source, {.profile = profile})->root, added.root);
  for (const bool again : {false, true}) {
    if (again) reopen(Store::Mode::kReadOnly);
    for (const char* name : {"weights.bin", "sub/other.bin", "config.json", "empty"}) {
      auto file = store->open_file(added.root.text() + "/" + name);
      ASSERT_TRUE(file) << name << ": " << file.error().message;
      EXPECT_EQ(read_all(**file), read_bytes(source / name)) << name;
    }
    EXPECT_TRUE(*store->is_complete(added.root.text()));
    const auto report = store->verify(added.root.text());
    EXPECT_TRUE(report->damage.empty());
  }
}

INSTANTIATE_TEST_SUITE_P(All, Profiles,
                         testing::Values(std::pair{content::ProfileName::kUnixFsV1_2025, false},
                                         std::pair{content::ProfileName::kUnixFsV1_2025, true},
                                         std::pair{content::ProfileName::kUnixFsV0_2015, false},
                                         std::pair{content::ProfileName::kUnixFsV0_2015, true},
                                         std::pair{content::ProfileName::kKuboCidV1, false}));

TEST_F(StoreTest, Listing) {
  const Added added = add();
  const auto entries = store->ls(added.root.text());
  ASSERT_EQ(entries->size(), 6u);
  EXPECT_EQ((*entries)[0].name, "config.json");
  EXPECT_EQ((*entries)[0].size, 8u);
  EXPECT_EQ((*entries)[2].type, EntryType::kSymlink);
  EXPECT_EQ((*entries)[4].type, EntryType::kDirectory);
  EXPECT_EQ((*entries)[5].size, 5 * kMiB + 123);
  EXPECT_EQ(store->ls(added.root.text() + "/config.json")->size(), 1u);
  EXPECT_EQ(store->ls(added.root.text() + "/absent").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store->ls("nonsense").error().code, ErrorCode::kInvalidCid);
  EXPECT_EQ(store->open_file(added.root.text()).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(store->resolve(added.root.text() + "/link/x").error().code, ErrorCode::kInvalidArgument);
}

TEST_F(StoreTest, HiddenFilesOnlyWhenAsked) {
  EXPECT_NE(store->only_hash(source)->root, store->only_hash(source, {.hidden = true})->root);
  EXPECT_EQ(store->only_hash(source, {.hidden = true})->files, 6u);
}

TEST_F(StoreTest, AddingTwiceStoresOnce) {
  EXPECT_GT(add().stored_bytes, 7 * kMiB);
  EXPECT_EQ(add().stored_bytes, 0u);
}

TEST_F(StoreTest, ReferenceDoesNotCopy) {
  const Added added = add({.reference = true});
  EXPECT_LT(added.stored_bytes, 10'000u);
  const auto stat = store->stat();
  EXPECT_EQ(stat->referenced_bytes, 7 * kMiB + 123);
  EXPECT_LT(stat->disk_bytes, 200'000u);
}

TEST_F(StoreTest, TouchedReferenceIsVerifiedAgain) {
  const Added added = add({.reference = true});
  fs::last_write_time(source / "weights.bin", fs::file_time_type::clock::now());
  reopen();
  auto file = store->open_file(added.root.text() + "/weights.bin");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(read_all(**file), read_bytes(source / "weights.bin"));
}

TEST_F(StoreTest, ChangedReferenceIsAnIntegrityError) {
  const Added added = add({.reference = true});
  auto before = *store->open_file(added.root.text() + "/weights.bin");
  read_all(*before);
  flip_byte(source / "weights.bin", 3 * kMiB + 5);
  const auto open_view = before->view(3 * kMiB, 10);  // opened before the change
  ASSERT_FALSE(open_view);
  EXPECT_EQ(open_view.error().code, ErrorCode::kIntegrity);
  before.reset();
  const auto file = store->open_file(added.root.text() + "/weights.bin");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::kIntegrity);
  EXPECT_THAT(file.error().message, HasSubstr("weights.bin"));
  EXPECT_THAT(file.error().message, HasSubstr(std::to_string(3 * kMiB)));
  const Added again = add({.reference = true});
  EXPECT_NE(again.root, added.root);
  EXPECT_TRUE(store->open_file(again.root.text() + "/weights.bin"));
}

TEST_F(StoreTest, WhatTwoReferencedFilesShareIsReadFromTheOneThatIsThere) {
  const fs::path other = folder.path / "other";
  fs::copy(source, other, fs::copy_options::recursive);
  flip_byte(other / "weights.bin", 5);  // the first leaf is another, the rest is shared
  add({.reference = true});
  const auto added = store->add(other, {.reference = true});
  ASSERT_TRUE(added) << added.error().message;
  const std::vector<std::string> ways{"is gone", "was changed"};
  for (const std::string& way : ways) {
    if (way == "is gone") fs::rename(source / "weights.bin", source / "away");
    if (way == "was changed") write_random(source / "weights.bin", 5 * kMiB + 123, 99);
    reopen();
    const auto get = [&](const Cid& cid) { return store->get_block(cid); };
    const auto layout = content::layout_file(*store->resolve(added->root.text() + "/weights.bin"), get);
    ASSERT_TRUE(layout) << layout.error().message;
    for (const auto& leaf : layout->leaves) {
      const auto bytes = store->peek(leaf.cid);
      ASSERT_TRUE(bytes && *bytes) << way;
      EXPECT_TRUE(Block::make(leaf.cid, Bytes((*bytes)->data(), (*bytes)->data() + (*bytes)->size()))) << way;
    }
  }
}

TEST_F(StoreTest, FlippedByteIsNamed) {
  const Added added = add();
  const Cid cid = *store->resolve(added.root.text() + "/weights.bin");
  const fs::path data = file_of_size(folder.path / "store/files", 5 * kMiB + 123);
  flip_byte(data, 2 * kMiB + 77);
  reopen();
  auto file = *store->open_file(cid.text());
  EXPECT_TRUE(file->view(0, 2 * kMiB));
  EXPECT_TRUE(file->view(3 * kMiB, 100));
  const auto bad = file->view(2 * kMiB + 1000, 1);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, ErrorCode::kIntegrity);
  EXPECT_THAT(bad.error().message, HasSubstr(data.string()));
  EXPECT_THAT(bad.error().message, HasSubstr("offset 2097152"));
  EXPECT_THAT(bad.error().message, HasSubstr("bafkrei"));
  EXPECT_EQ(file->view(0, file->size()).error().code, ErrorCode::kIntegrity);
  const auto report = store->verify(added.root.text());
  ASSERT_EQ(report->damage.size(), 1u);
  EXPECT_EQ(report->damage[0].offset, 2 * kMiB);
  EXPECT_EQ(report->damage[0].error.code, ErrorCode::kIntegrity);
  EXPECT_EQ(file->view(file->size(), 1).error().code, ErrorCode::kLimitExceeded);
}

// The same leaf twice in one file: each place is read, so a good copy does not hide a damaged one.
TEST_F(StoreTest, DamageInOneOfTwoEqualLeavesIsReported) {
  write_text(source / "twice.bin", std::string(3 * kMiB + 1, 'x'));
  for (const bool reference : {false, true}) {
    const Added added = add({.reference = reference});
    const std::string path = added.root.text() + "/twice.bin";
    EXPECT_TRUE(store->verify(path)->damage.empty());
    const fs::path data = file_of_size(reference ? source : folder.path / "store/files", 3 * kMiB + 1);
    flip_byte(data, kMiB + 5);
    reopen();
    EXPECT_FALSE(store->cat(path, [](ByteView) -> Result<> { return {}; }));
    const auto report = store->verify(added.root.text());
    ASSERT_EQ(report->damage.size(), 1u);
    EXPECT_EQ(report->damage[0].offset, kMiB);
    EXPECT_EQ(report->damage[0].path, data.string());
    EXPECT_EQ(report->damage[0].error.code, ErrorCode::kIntegrity);
    ASSERT_TRUE(store->rm(added.root));
  }
}

TEST_F(StoreTest, ForgettingDropsOnlyTheDamagedCopy) {
  write_text(source / "twice.bin", std::string(3 * kMiB, 'x'));
  const Added added = add();
  const Cid file = *store->resolve(added.root.text() + "/twice.bin");
  const Cid leaf = content::layout_file(file, [&](const Cid& cid) { return store->get_block(cid); })->leaves[0].cid;
  flip_byte(file_of_size(folder.path / "store/files", 3 * kMiB), kMiB + 5);
  ASSERT_TRUE(store->forget_damaged(leaf));
  EXPECT_EQ(store->get_block(leaf)->bytes().size(), kMiB);
  ASSERT_TRUE(store->begin_file(*content::layout_file(file, [&](const Cid& cid) { return store->get_block(cid); })));
  EXPECT_TRUE(store->verify(file.text())->damage.empty());  // mended from the good copy
}

TEST_F(StoreTest, FlippedByteInThePackIsNamed) {
  const Added added = add();
  flip_byte(folder.path / "store/pack/0.blocks", 80 + 3);  // in the first block's bytes
  reopen();
  const auto report = store->verify(added.root.text());
  ASSERT_EQ(report->damage.size(), 1u);
  EXPECT_EQ(report->damage[0].error.code, ErrorCode::kIntegrity);
  EXPECT_THAT(report->damage[0].error.message, HasSubstr("0.blocks"));
}

TEST_F(StoreTest, CutDataFileIsAnError) {
  const Added added = add();
  fs::resize_file(file_of_size(folder.path / "store/files", 5 * kMiB + 123), kMiB);
  reopen();
  EXPECT_EQ(store->open_file(added.root.text() + "/weights.bin").error().code, ErrorCode::kIntegrity);
}

TEST_F(StoreTest, GetWritesTheSameTree) {
  const Added added = add();
  ASSERT_TRUE(store->get(added.root.text(), folder.path / "out"));
  EXPECT_EQ(store->only_hash(folder.path / "out")->root, added.root);
  EXPECT_EQ(fs::read_symlink(folder.path / "out/link"), "config.json");
  EXPECT_EQ(store->get(added.root.text(), folder.path / "out").error().code, ErrorCode::kInvalidArgument);
}

TEST_F(StoreTest, GetStaysInside) {
  const auto& profile = content::profile(content::ProfileName::kUnixFsV1_2025);
  const content::BlockSink keep = [&](const content::VerifiedBlock& block) { return store->put_block(block); };
  for (const char* target : {"/etc", "../..", "a/../../x", ""}) {
    auto link = *content::build_symlink(profile, target, keep);
    link.name = "l";
    const auto root = content::build_directory(profile, {link}, keep);
    EXPECT_EQ(store->get(root->cid.text(), folder.path / "out").error().code, ErrorCode::kInvalidArgument) << target;
    EXPECT_FALSE(fs::exists(folder.path / "out"));
  }
  for (const char* name : {"..", ".", "a/b", ""}) {  // build_directory refuses these, so the block is made by hand
    const auto file = content::address(1, content::Codec::kRaw, as_bytes("x"));
    ASSERT_TRUE(store->put_block(*file));
    const Bytes bytes = content::encode_unixfs(
        {.type = content::UnixFsType::kDirectory, .links = {{.cid = file->cid(), .name = name, .tsize = 1}}});
    const auto root = content::address(1, content::Codec::kDagPb, bytes);
    ASSERT_TRUE(store->put_block(*root));
    EXPECT_EQ(store->get(root->cid().text(), folder.path / "out").error().code, ErrorCode::kMalformedBlock) << name;
  }
}

TEST_F(StoreTest, PinsAndGc) {
  const Added first = add();
  write_text(source / "config.json", "{\"b\": 2}");
  write_random(source / "sub/other.bin", 3 * kMiB, 9);
  const Added second = add({.pin = false});
  EXPECT_EQ(store->pins()->size(), 1u);
  EXPECT_EQ((*store->pins())[0].name, "source");
  EXPECT_TRUE(*store->is_complete(second.root.text()));
  const auto report = store->gc();
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->files, 1u);
  EXPECT_GT(report->bytes, 3 * kMiB);
  EXPECT_FALSE(*store->is_complete(second.root.text()));
  EXPECT_TRUE(*store->is_complete(first.root.text()));
  reopen();
  EXPECT_TRUE(store->verify(first.root.text())->damage.empty());
  EXPECT_EQ(store->gc()->bytes, 0u);
  EXPECT_TRUE(store->rm(first.root));
  const auto stat = store->stat();
  EXPECT_EQ(stat->files + stat->blocks + stat->pins, 0u);
  EXPECT_EQ(store->rm(first.root).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store->unpin(first.root).error().code, ErrorCode::kNotFound);
}

TEST_F(StoreTest, GcKeepsALeafThatIsPinnedOnItsOwn) {
  const Added added = add();
  const auto file = *store->open_file(added.root.text() + "/weights.bin");
  const auto leaf = content::address(1, content::Codec::kRaw, *file->view(0, kMiB));
  ASSERT_TRUE(store->pin(leaf->cid()));
  ASSERT_TRUE(store->rm(added.root));
  EXPECT_EQ(store->get_block(leaf->cid())->bytes().size(), kMiB);
}

TEST_F(StoreTest, CarRoundTrip) {
  for (const auto profile : {content::ProfileName::kUnixFsV1_2025, content::ProfileName::kUnixFsV0_2015}) {
    const Added added = add({.profile = profile});
    const fs::path car = folder.path / "x.car";
    std::ofstream out(car, std::ios::binary);
    ASSERT_TRUE(store->export_car(added.root, [&](ByteView bytes) -> Result<> {
      out.write(as_text(bytes).data(), static_cast<std::streamsize>(bytes.size()));
      return {};
    }));
    out.close();
    const fs::path other_path = folder.path / ("other" + std::to_string(static_cast<int>(profile)));
    auto other = *Store::open(other_path);
    const auto report = other->import_car(car);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->roots, std::vector{added.root});
    EXPECT_EQ(report->ignored, 0u);
    EXPECT_TRUE(*other->is_complete(added.root.text()));
    EXPECT_EQ(other->stat()->files, 2u);
    EXPECT_EQ(other->stat()->file_bytes, 7 * kMiB + 123);
    EXPECT_TRUE(other->verify(added.root.text())->damage.empty());
    EXPECT_EQ(read_all(**other->open_file(added.root.text() + "/weights.bin")), read_bytes(source / "weights.bin"));
    flip_byte(car, fs::file_size(car) / 2);
    auto third = *Store::open(other_path / "third");
    EXPECT_FALSE(third->import_car(car));
    EXPECT_EQ(third->pins()->size(), 0u);
  }
}

TEST_F(StoreTest, OneWriterManyReaders) {
  EXPECT_EQ(Store::open(folder.path / "store").error().code, ErrorCode::kStoreLocked);
  auto reader = *Store::open(folder.path / "store", Store::Mode::kReadOnly);
  const Added added = add();  // after the reader opened
  EXPECT_TRUE(*reader->is_complete(added.root.text()));
  EXPECT_EQ(read_all(**reader->open_file(added.root.text() + "/weights.bin")), read_bytes(source / "weights.bin"));
  EXPECT_EQ(reader->add(source).error().code, ErrorCode::kInvalidArgument);
  ASSERT_TRUE(store->rm(added.root));
  EXPECT_FALSE(*reader->is_complete(added.root.text()));
}

TEST_F(StoreTest, BlocksWaitForTheirFile) {
  const Added added = add();
  auto other = *Store::open(folder.path / "other");
  const Cid root = *store->resolve(added.root.text() + "/weights.bin");
  ASSERT_TRUE(other->put_block(store->get_block(root)->verified()));
  const auto layout = *content::layout_file(root, [&](const Cid& cid) { return other->get_block(cid); });
  ASSERT_TRUE(other->begin_file(layout));
  EXPECT_FALSE(*other->is_complete(root.text()));
  auto file = *other->open_file(root.text());
  EXPECT_EQ(file->view(0, 1).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(other->put_block(store->get_block(layout.leaves[2].cid)->verified()));
  EXPECT_TRUE(file->view(2 * kMiB, kMiB));
  ASSERT_TRUE(other->flush());
  file.reset();
  other.reset();
  other = *Store::open(folder.path / "other");
  EXPECT_TRUE(other->has_block(layout.leaves[2].cid));
  EXPECT_FALSE(other->has_block(layout.leaves[3].cid));
}

TEST_F(StoreTest, BadInput) {
  EXPECT_EQ(store->add(folder.path / "absent").error().code, ErrorCode::kNotFound);
  const Stop stop;
  stop.request();
  EXPECT_EQ(store->add(source, {.stop = stop}).error().code, ErrorCode::kCancelled);
  EXPECT_EQ(store->stat()->files, 0u);
  EXPECT_TRUE(fs::is_empty(folder.path / "store/tmp"));
  EXPECT_EQ(Store::open(folder.path / "no store", Store::Mode::kReadOnly).error().code, ErrorCode::kNotFound);
  write_text(folder.path / "strange/format", "something else\n");
  EXPECT_EQ(Store::open(folder.path / "strange").error().code, ErrorCode::kStoreCorrupt);
}

TEST_F(StoreTest, DamagedTableHidesOnlyItsFile) {
  const Added added = add();
  const fs::path data = file_of_size(folder.path / "store/files", 5 * kMiB + 123);
  flip_byte(data.parent_path() / "table", 3);
  reopen();
  EXPECT_EQ(store->open_file(added.root.text() + "/weights.bin").error().code, ErrorCode::kStoreCorrupt);
  EXPECT_TRUE(store->open_file(added.root.text() + "/sub/other.bin"));
  EXPECT_EQ(add().root, added.root);  // and adding again heals it
  EXPECT_TRUE(store->verify(added.root.text())->damage.empty());
}

}  // namespace
}  // namespace ipfs_accelerate::store
