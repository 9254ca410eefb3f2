// Hostile input: every decoder against truncation at each length and flips of each bit; walkers against bombs.
#include <gtest/gtest.h>

#include "content/car.h"
#include "content/directory.h"
#include "content/multibase.h"
#include "content/test_blocks.h"
#include "content/unixfs.h"

namespace ipfs_accelerate::content {
namespace {

Cid some_cid() { return *Cid::parse("bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"); }

// Calls `decode` with every prefix and every one-bit change. It only has to return.
void torment(ByteView good, const std::function<void(ByteView)>& decode) {
  for (std::size_t size = 0; size <= good.size(); ++size) {
    const Bytes cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));  // its own storage, for asan
    decode(cut);
  }
  Bytes flipped(good.begin(), good.end());
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    flipped[bit / 8] ^= 1u << (bit % 8);
    decode(flipped);
    flipped[bit / 8] ^= 1u << (bit % 8);
  }
}

Bytes file_node() {
  UnixFsNode node{.type = UnixFsType::kFile, .data = Bytes{'h', 'i'}, .file_size = 302, .block_sizes = {100, 200}};
  node.links = {{some_cid(), "", 100}, {some_cid(), "", 200}};
  return encode_unixfs(node);
}
Bytes directory_node() {
  return encode_unixfs({.type = UnixFsType::kDirectory, .links = {{some_cid(), "a", 1}, {some_cid(), "b", 2}}});
}
Bytes hamt_node() {
  return encode_unixfs({.type = UnixFsType::kHamtShard,
                        .data = Bytes{0x81},
                        .fanout = 256,
                        .links = {{some_cid(), "00name", 1}, {some_cid(), "07", 2}}});
}

TEST(Hostile, Nodes) {
  for (const Bytes& good : {file_node(), directory_node(), hamt_node()}) {
    int accepted = 0;
    torment(good, [&](ByteView bytes) {
      const auto block = address(1, Codec::kDagPb, bytes);
      accepted += decode_unixfs(*block).has_value();
      MemoryBlocks blocks;
      const Cid cid = blocks.put(Codec::kDagPb, bytes);
      (void)layout_file(cid, blocks.getter());
      (void)list_directory(cid, blocks.getter());
      (void)find_entry(cid, "name", blocks.getter());
    });
    EXPECT_GT(accepted, 0);
  }
}

TEST(Hostile, Cids) {
  const Cid cid = some_cid();
  torment(cid.to_bytes(), [&](ByteView bytes) {
    const auto read = Cid::from_bytes(bytes);
    if (read) EXPECT_EQ(read->to_bytes(), Bytes(bytes.begin(), bytes.end()));
  });
  for (const Base base : {Base::kBase16, Base::kBase32, Base::kBase36, Base::kBase58Btc, Base::kBase64Url}) {
    const std::string text = encode_multibase(base, cid.to_bytes());
    torment(as_bytes(text), [](ByteView bytes) { (void)Cid::parse(as_text(bytes)); });
  }
}

TEST(Hostile, FlippedBlocksNeverVerify) {
  const Bytes good = directory_node();
  const Cid cid = address(1, Codec::kDagPb, good)->cid();
  int matches = 0;
  torment(good, [&](ByteView bytes) { matches += verify(cid, bytes).has_value(); });
  EXPECT_EQ(matches, 1);  // the whole, unchanged
}

TEST(Hostile, Cars) {
  const auto block = address(1, Codec::kRaw, as_bytes("block"));
  Bytes car = car_header({&block->cid(), 1});
  for (int i = 0; i < 2; ++i) {
    const Bytes header = car_section_header(block->cid(), 5);
    car.insert(car.end(), header.begin(), header.end());
    car.insert(car.end(), {'b', 'l', 'o', 'c', 'k'});
  }
  torment(car, [](ByteView bytes) {
    auto reader = CarReader::open(read_from(bytes));
    while (reader) {
      const auto section = reader->next();
      if (!section || !*section) break;
      const auto read = reader->read(**section);
      if (read) EXPECT_TRUE(verify(read->cid(), read->bytes()));
    }
  });
}

// Each level links twice to the one below: 2^60 bytes in 60 small blocks.
TEST(Hostile, WideBomb) {
  MemoryBlocks blocks;
  Cid at = blocks.put(Codec::kRaw, as_bytes("x"));
  std::uint64_t size = 1;
  for (int level = 0; level < 60; ++level) {
    UnixFsNode node{.type = UnixFsType::kFile, .file_size = 2 * size, .block_sizes = {size, size}};
    node.links = {{at, "", 0}, {at, "", 0}};
    at = blocks.put(Codec::kDagPb, encode_unixfs(node));
    size *= 2;
  }
  EXPECT_EQ(layout_file(at, blocks.getter()).error().code, ErrorCode::kLimitExceeded);
}

TEST(Hostile, DeepChain) {
  MemoryBlocks blocks;
  Cid at = blocks.put(Codec::kRaw, as_bytes("x"));
  for (int level = 0; level < 10'000; ++level) {
    UnixFsNode node{.type = UnixFsType::kFile, .file_size = 1, .block_sizes = {1}};
    node.links = {{at, "", 0}};
    at = blocks.put(Codec::kDagPb, encode_unixfs(node));
  }
  EXPECT_EQ(layout_file(at, blocks.getter()).error().code, ErrorCode::kLimitExceeded);
}

TEST(Hostile, LyingSizes) {
  MemoryBlocks blocks;
  const Cid inner =
      blocks.put(Codec::kDagPb, encode_unixfs({.type = UnixFsType::kFile, .data = {'a'}, .file_size = 1}));
  UnixFsNode node{.type = UnixFsType::kFile, .file_size = 5, .block_sizes = {5}};
  node.links = {{inner, "", 0}};
  EXPECT_EQ(layout_file(blocks.put(Codec::kDagPb, encode_unixfs(node)), blocks.getter()).error().code,
            ErrorCode::kMalformedBlock);
  node.file_size = 3u << 20;  // no block holds that much
  node.block_sizes = {3u << 20};
  node.links = {{some_cid(), "", 0}};
  EXPECT_EQ(layout_file(blocks.put(Codec::kDagPb, encode_unixfs(node)), blocks.getter()).error().code,
            ErrorCode::kMalformedBlock);
  node.block_sizes = {~0ull};
  node.data = {'a'};
  node.file_size = 0;  // the sum wraps around
  EXPECT_EQ(layout_file(blocks.put(Codec::kDagPb, encode_unixfs(node)), blocks.getter()).error().code,
            ErrorCode::kMalformedBlock);
}

Bytes shard(std::uint64_t fanout, const std::string& name, const Cid& child, Bytes bitfield = {1}) {
  return encode_unixfs(
      {.type = UnixFsType::kHamtShard, .data = std::move(bitfield), .fanout = fanout, .links = {{child, name, 0}}});
}

TEST(Hostile, Hamts) {
  MemoryBlocks blocks;
  const auto code = [&](const Cid& root) {
    const auto listing = list_directory(root, blocks.getter());
    return listing ? ErrorCode::kInternal : listing.error().code;
  };
  Cid deep = blocks.put(Codec::kDagPb, shard(256, "00name", some_cid()));
  for (int level = 0; level < 7; ++level) deep = blocks.put(Codec::kDagPb, shard(256, "00", deep));
  EXPECT_TRUE(list_directory(deep, blocks.getter()));  // eight levels use the 64 bits up
  EXPECT_EQ(code(blocks.put(Codec::kDagPb, shard(256, "00", deep))), ErrorCode::kMalformedBlock);
  const Cid narrow = blocks.put(Codec::kDagPb, shard(16, "0name", some_cid()));
  EXPECT_EQ(code(blocks.put(Codec::kDagPb, shard(256, "00", narrow))), ErrorCode::kMalformedBlock);
  for (const char* name : {"", "0", "0g", "0a", "01x"}) {  // too short, no hex, lower case, not in the bitfield
    EXPECT_EQ(code(blocks.put(Codec::kDagPb, shard(256, name, some_cid()))), ErrorCode::kMalformedBlock) << name;
  }
  const Cid directory = blocks.put(Codec::kDagPb, directory_node());
  EXPECT_EQ(code(blocks.put(Codec::kDagPb, shard(256, "00", directory))), ErrorCode::kMalformedBlock);
}

// 256 links to one shard of 256 links to one shard ...: 2^32 entries in four blocks.
TEST(Hostile, HamtBomb) {
  MemoryBlocks blocks;
  Cid at = some_cid();
  for (int level = 0; level < 4; ++level) {
    UnixFsNode node{.type = UnixFsType::kHamtShard, .data = Bytes(32, 0xff), .fanout = 256};
    for (int i = 0; i < 256; ++i) node.links.push_back({at, std::format("{:02X}{}", i, level == 0 ? "x" : ""), 0});
    at = blocks.put(Codec::kDagPb, encode_unixfs(node));
  }
  EXPECT_EQ(list_directory(at, blocks.getter()).error().code, ErrorCode::kLimitExceeded);
}

}  // namespace
}  // namespace ipfs_accelerate::content
