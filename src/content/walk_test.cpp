// Walks without I/O: blocks in any order, repetition, hostile shapes, the order of CARs.
#include "content/walk.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "content/test_blocks.h"

namespace ipfs_accelerate::content {
namespace {

std::string name_of(int i) { return std::format("file-{}", i); }

struct Walks : testing::Test {
  MemoryBlocks blocks;
  BlockGetter get = blocks.getter();
  std::mt19937 random{3};
  const Profile& v1 = profile(ProfileName::kUnixFsV1_2025);
  const Profile& v0 = profile(ProfileName::kUnixFsV0_2015);

  Cid raw(std::string_view text) { return blocks.put(Codec::kRaw, as_bytes(text)); }
  Cid node(const UnixFsNode& node) { return blocks.put(Codec::kDagPb, encode_unixfs(node)); }
  Cid file_of(std::vector<std::pair<Cid, std::uint64_t>> parts) {
    UnixFsNode file{};
    for (auto& [cid, length] : parts) {
      file.links.push_back({cid, "", length});
      file.block_sizes.push_back(length);
      file.file_size += length;
    }
    return node(file);
  }
  Cid large_folder(int entries) {
    std::vector<Link> links;
    for (int i = 0; i < entries; ++i) links.push_back({raw("x"), name_of(i), 1});
    return build_directory(v1, links, blocks.sink())->cid;
  }
  /// Gives blocks in a random order, some of them twice, some that nobody asked for.
  template <class Walk>
  Result<> shuffle(Walk& walk) {
    const Cid stranger = raw("nobody asked");
    for (auto wanted = walk.needs(); !wanted.empty(); wanted = walk.needs()) {
      std::ranges::shuffle(wanted, random);
      IA_ASSIGN(const Block block, get(wanted.front()));
      IA_ASSIGN(const Block other, get(stranger));
      IA_TRY(walk.give(other.verified()));
      IA_TRY(walk.give(block.verified()));
      IA_TRY(walk.give(block.verified()));
    }
    return {};
  }
  std::vector<std::string> car(const std::vector<Cid>& path, CarSelection selection = {}) {
    CarWalk walk(path, selection);
    std::vector<std::string> emitted;
    for (auto wanted = walk.needs(); !wanted.empty(); wanted = walk.needs()) {
      EXPECT_EQ(wanted.size(), 1u);
      const auto block = get(wanted[0]);
      EXPECT_TRUE(walk.give(block->verified()));
      if (walk.emits()) emitted.push_back(wanted[0].text());
    }
    return emitted;
  }
};

TEST_F(Walks, ListingInAnyOrder) {
  const Cid root = large_folder(8000);
  const auto straight = list_directory(root, get);
  ASSERT_EQ(straight->entries.size(), 8000u);
  FolderWalk walk(root);
  ASSERT_TRUE(shuffle(walk));
  const DirectoryListing listing = walk.take();
  ASSERT_EQ(listing.entries.size(), straight->entries.size());
  for (std::size_t i = 0; i < listing.entries.size(); ++i)
    EXPECT_EQ(listing.entries[i].name, straight->entries[i].name);
  EXPECT_EQ(listing.nodes, straight->nodes);
  EXPECT_EQ(listing.nodes[0], root);
}

TEST_F(Walks, AnEntryNeedsAFewBlocksOnly) {
  const Cid root = large_folder(8000);
  EntryWalk walk(root, name_of(4711));
  ASSERT_TRUE(shuffle(walk));
  EXPECT_EQ(walk.found().name, name_of(4711));
  EXPECT_LE(walk.blocks().size(), 4u);
  EntryWalk none(root, "nothing");
  EXPECT_EQ(drive(none, get).error().code, ErrorCode::kNotFound);
}

TEST_F(Walks, APathTellsItsBlocks) {
  const Cid shards = large_folder(8000);
  const Cid root = build_directory(v1, {{shards, "data", 1}}, blocks.sink())->cid;
  const ContentPath path = *parse_path(root.text() + "/data/" + name_of(1));
  PathWalk walk(path, true);
  ASSERT_TRUE(shuffle(walk));
  EXPECT_EQ(walk.target(), raw("x"));
  EXPECT_EQ(walk.type(), UnixFsType::kFile);
  EXPECT_EQ(walk.blocks().front(), root);
  EXPECT_EQ(walk.blocks().back(), raw("x"));
  PathWalk file(*parse_path(raw("x").text() + "/more"), true);
  EXPECT_EQ(drive(file, get).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(parse_path("ipfs://" + root.text() + "/a%20b")->names[0], "a b");
  EXPECT_EQ(parse_path(root.text() + "/a%20b")->names[0], "a%20b");
  EXPECT_EQ(parse_path("ipfs://" + root.text() + "/%2e%2e").error().code, ErrorCode::kInvalidArgument);
}

TEST_F(Walks, LayoutInAnyOrder) {
  for (const Profile* profile : {&v1, &v0}) {
    FileBuilder builder(*profile, blocks.sink());
    for (int i = 0; i < 2500; ++i) {
      const Bytes chunk(10, static_cast<std::uint8_t>(i % 200));
      const Cid cid = *leaf_cid(*profile, chunk);
      if (!profile->raw_leaves) (void)node({.data = chunk, .file_size = 10});
      ASSERT_TRUE(builder.add_leaf(cid, 10));
    }
    const Cid root = builder.finish()->cid;
    for (const Leaves leaves : {Leaves::kRead, Leaves::kProbe}) {
      FileWalk walk(root, leaves);
      ASSERT_TRUE(shuffle(walk));
      const FileLayout layout = walk.take();
      EXPECT_EQ(layout.size, 25'000u);
      ASSERT_EQ(layout.leaves.size(), 2500u);
      std::uint64_t at = 0;
      for (const Leaf& leaf : layout.leaves) {
        EXPECT_EQ(leaf.offset, at);
        at += leaf.length;
      }
      EXPECT_EQ(layout.nodes[0], root);
    }
  }
}

TEST_F(Walks, ProbingReadsTwoLeavesOfALevel) {
  std::vector<std::pair<Cid, std::uint64_t>> parts;
  for (int i = 0; i < 100; ++i) parts.emplace_back(node({.data = Bytes(50, std::uint8_t(i)), .file_size = 50}), 50);
  const Cid root = file_of(parts);
  FileWalk walk(root, Leaves::kProbe);
  int read = 0;
  ASSERT_TRUE(drive(walk, [&](const Cid& cid) { return ++read, get(cid); }));
  EXPECT_EQ(read, 3);
  EXPECT_EQ(walk.take().leaves.size(), 100u);
}

TEST_F(Walks, ProbingSeesUnevenTrees) {
  const Cid leaf = node({.data = Bytes(50, 1), .file_size = 50});
  const Cid inner = file_of({{leaf, 50}, {leaf, 50}});
  const Cid root = file_of({{leaf, 50}, {leaf, 50}, {inner, 100}});
  FileWalk walk(root, Leaves::kProbe);
  ASSERT_TRUE(shuffle(walk));
  const FileLayout layout = walk.take();
  EXPECT_EQ(layout.leaves.size(), 4u);
  EXPECT_TRUE(std::ranges::all_of(layout.leaves, [&](const Leaf& l) { return l.cid == leaf; }));
}

TEST_F(Walks, CodecsMakeDifferentNodes) {
  // The same bytes, once as a folder's node and once as a file's bytes.
  const Cid child = raw("child");
  const Bytes folder = encode_unixfs({.type = UnixFsType::kDirectory, .links = {{child, "a", 5}}});
  const Cid as_folder = blocks.put(Codec::kDagPb, folder), as_bytes_ = blocks.put(Codec::kRaw, folder);
  ASSERT_EQ(as_folder.key(), as_bytes_.key());
  const Cid root = node({.type = UnixFsType::kDirectory, .links = {{as_bytes_, "bytes", 1}, {as_folder, "folder", 1}}});
  DagWalk walk(root);
  std::set<std::string> met;
  for (auto wanted = walk.needs(); !wanted.empty(); wanted = walk.needs()) {
    met.insert(wanted[0].text());
    ASSERT_TRUE(walk.give(get(wanted[0])->verified()));
  }
  EXPECT_TRUE(met.contains(child.text()));
  EXPECT_EQ(met.size(), 4u);
  EXPECT_EQ(car({root}), (std::vector{root.text(), as_bytes_.text(), as_folder.text(), child.text()}));
}

TEST_F(Walks, CarOfAFolderDepthFirst) {
  const Cid a = raw("a"), b = raw("b");
  const Cid file = file_of({{a, 1}, {b, 1}, {a, 1}});
  const Cid root = build_directory(v1, {{file, "file", 3}, {a, "z", 1}}, blocks.sink())->cid;
  EXPECT_EQ(car({root}), (std::vector{root.text(), file.text(), a.text(), b.text()}));
  CarSelection all{.duplicates = true};
  EXPECT_EQ(car({root}, all), (std::vector{root.text(), file.text(), a.text(), b.text(), a.text(), a.text()}));
  EXPECT_EQ(car({root}, {.scope = CarSelection::Scope::kEntity}), std::vector{root.text()});
  EXPECT_EQ(car({root, file}, {.scope = CarSelection::Scope::kBlock}), (std::vector{root.text(), file.text()}));
  EXPECT_EQ(car({root, file}, {.scope = CarSelection::Scope::kEntity}),
            (std::vector{root.text(), file.text(), a.text(), b.text()}));
}

TEST_F(Walks, CarOfBytes) {
  const Cid a = raw("aa"), b = raw("bb"), c = raw("cc");
  const Cid root = file_of({{a, 2}, {b, 2}, {c, 2}});
  const auto range = [&](std::int64_t from, std::optional<std::int64_t> to) {
    CarSelection selection{.scope = CarSelection::Scope::kEntity};
    selection.entity_bytes = {from, to};
    return car({root}, selection);
  };
  EXPECT_EQ(range(0, 1), (std::vector{root.text(), a.text()}));
  EXPECT_EQ(range(1, 2), (std::vector{root.text(), a.text(), b.text()}));
  EXPECT_EQ(range(-2, std::nullopt), (std::vector{root.text(), c.text()}));
  EXPECT_EQ(range(2, -3), (std::vector{root.text(), b.text()}));
  EXPECT_EQ(range(100, std::nullopt), std::vector{root.text()});
  EXPECT_EQ(range(4, 2), std::vector{root.text()});
}

// A part that stands twice in a file, once cut by the range: what was left out the first time is not forgotten.
TEST_F(Walks, CarOfBytesWithRepeatedParts) {
  const Cid a = raw("aa"), b = raw("bb");
  const Cid part = file_of({{a, 2}, {b, 2}});
  const Cid root = file_of({{part, 4}, {part, 4}});
  CarSelection selection{.scope = CarSelection::Scope::kEntity};
  selection.entity_bytes = {2, 7};
  EXPECT_EQ(car({root}, selection), (std::vector{root.text(), part.text(), b.text(), a.text()}));
}

TEST_F(Walks, Bombs) {
  Cid at = raw("x");
  std::uint64_t size = 1;
  for (int level = 0; level < 40; ++level, size *= 2) at = file_of({{at, size}, {at, size}});
  FileWalk file(at);
  EXPECT_EQ(drive(file, get).error().code, ErrorCode::kLimitExceeded);
  DagWalk dag(at);
  EXPECT_TRUE(drive(dag, get));  // 41 blocks
  EXPECT_EQ(car({at}).size(), 41u);
}

TEST_F(Walks, FoldersAreNoFiles) {
  FileWalk folder(large_folder(2));
  EXPECT_EQ(drive(folder, get).error().code, ErrorCode::kInvalidArgument);
  FileWalk link(build_symlink(v1, "target", blocks.sink())->cid);
  EXPECT_EQ(drive(link, get).error().code, ErrorCode::kInvalidArgument);
  FolderWalk file(raw("x"));
  EXPECT_EQ(drive(file, get).error().code, ErrorCode::kNotFound);
}

TEST(Remembered, OnlyTheSameObject) {
  const Bytes bytes{1, 2, 3};
  const auto block = address(1, Codec::kRaw, bytes);
  EXPECT_TRUE(check_digest_bytes(block->cid().hash, block->cid().hash.digest));
  Bytes wrong = block->cid().hash.digest;
  wrong[0] ^= 1;
  EXPECT_EQ(check_digest_bytes(block->cid().hash, wrong).error().code, ErrorCode::kIntegrity);
  wrong.resize(10);
  EXPECT_EQ(check_digest_bytes(block->cid().hash, wrong).error().code, ErrorCode::kIntegrity);
}

}  // namespace
}  // namespace ipfs_accelerate::content
