// The native keep: what was put is written by a later batch when another program holds the store.
#include "host/native/keep.h"

#include <gtest/gtest.h>

#include "host/native/hash.h"
#include "store/test_folder.h"

namespace ipfs_accelerate::host {
namespace {

Async<content::VerifiedBytes> verified(Hash& hash, HostBytesRef bytes) {
  auto digests = co_await hash.hash({{content::HashFunction::kSha2_256, bytes}});
  content::Cid cid;
  cid.hash.digest.assign(digests[0].bytes().begin(), digests[0].bytes().end());
  co_return co_await content::verify(cid, std::move(bytes), digests[0]);
}

struct Kept {
  explicit Kept(const std::filesystem::path& home) : library(home, std::chrono::milliseconds(50)), keep(library, loop) {
    EXPECT_TRUE(library.open());
  }
  bool has(const content::Cid& cid) { return loop.block_on(keep.has({cid})).value().at(0); }
  HostBytesRef read(const content::Cid& cid) { return loop.block_on(keep.read({cid})).value().at(0); }
  Loop loop;
  Library library;
  NativeKeep keep;
};

content::VerifiedBytes block_of(Loop& loop, std::string_view text) {
  NativeHash hash(loop);
  return loop.block_on(verified(hash, own_bytes(Bytes(text.begin(), text.end())))).value();
}

TEST(NativeKeep, ABatchOutlivesALockedStore) {
  const store::TestFolder folder;
  Loop loop;
  const content::VerifiedBytes block = block_of(loop, "a block that must not be lost");
  {
    Kept kept(folder.path);
    {
      const auto other = store::Store::open(folder.path / "store", store::Store::Mode::kReadWrite);
      ASSERT_TRUE(other) << other.error().message;
      ASSERT_TRUE(kept.loop.block_on(kept.keep.put(block)));
      const auto flushed = kept.loop.block_on(kept.keep.flush());
      ASSERT_FALSE(flushed);
      EXPECT_EQ(flushed.error().code, ErrorCode::kStoreLocked);
      EXPECT_TRUE(kept.has(block.cid()));  // meanwhile it is answered from memory
      EXPECT_EQ(kept.read(block.cid()), block.bytes());
      EXPECT_FALSE(Kept(folder.path).has(block.cid()));
    }
    const auto flushed = kept.loop.block_on(kept.keep.flush());
    ASSERT_TRUE(flushed) << flushed.error().message;
  }
  Kept again(folder.path);
  EXPECT_TRUE(again.has(block.cid()));
  const HostBytesRef bytes = again.read(block.cid());
  ASSERT_NE(bytes, nullptr);
  EXPECT_EQ(as_text(BytesView(bytes, 0, bytes->size()).view()), "a block that must not be lost");
}

TEST(NativeKeep, DamagedBlocksComeAgain) {
  const store::TestFolder folder;
  Kept kept(folder.path);
  const content::VerifiedBytes block = block_of(kept.loop, "a block that rots");
  ASSERT_TRUE(kept.loop.block_on(kept.keep.put(block)));
  ASSERT_TRUE(kept.loop.block_on(kept.keep.flush()));
  ASSERT_TRUE(kept.loop.block_on(kept.keep.forget({block.cid()})));
  EXPECT_FALSE(kept.has(block.cid()));
  EXPECT_EQ(kept.read(block.cid()), nullptr);
  ASSERT_TRUE(kept.loop.block_on(kept.keep.put(block)));
  ASSERT_TRUE(kept.loop.block_on(kept.keep.flush()));
  EXPECT_TRUE(kept.has(block.cid()));
  EXPECT_TRUE(Kept(folder.path).has(block.cid()));
}

}  // namespace
}  // namespace ipfs_accelerate::host
