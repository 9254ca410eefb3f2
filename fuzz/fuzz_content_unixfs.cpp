// Fuzzes UnixFS blocks and the walkers over them. The block itself is the only one there is, so walks that follow its
// links see either nothing or, where a link is an identity CID, what the fuzzer put there.
#include <cstdlib>

#include "content/directory.h"
#include "content/unixfs.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ipfs_accelerate;
  const ByteView bytes(data, size);
  const auto block = content::address(1, content::Codec::kDagPb, bytes);
  if (!block) return 0;
  const auto node = content::decode_unixfs(*block);
  const content::BlockGetter get = [&](const content::Cid& cid) -> Result<content::Block> {
    if (cid != block->cid()) return fail(ErrorCode::kNotFound, "no block");
    return content::Block::make(cid, Bytes(bytes.begin(), bytes.end()));
  };
  const auto layout = content::layout_file(block->cid(), get);
  if (layout) {
    std::uint64_t at = 0;
    for (const auto& leaf : layout->leaves) {
      if (leaf.offset != at) std::abort();
      at += leaf.length;
    }
    if (!node || at != layout->size) std::abort();
  }
  (void)content::list_directory(block->cid(), get);
  (void)content::find_entry(block->cid(), "name", get);
  return 0;
}
