// Byte sources over the store: files kept as files (mapped), single blocks, and files that lie in the pack in pieces.
#pragma once

#include "store/file_entry.h"

namespace ipfs_accelerate::store {

/// A file's data, mapped. Each leaf is verified when it is first viewed. A referenced file that changes is verified
/// again; cutting one short while it is being read is the one thing that cannot be caught (the system stops the
/// program), so referenced files should be replaced, not rewritten.
/// `get` reads blocks of embedded leaves; it must live as long as the source.
Result<std::shared_ptr<ByteSource>> open_entry(std::shared_ptr<FileEntry> entry, content::FileLayout layout,
                                               content::BlockGetter get);

/// Bytes in memory.
std::shared_ptr<ByteSource> memory_source(Bytes bytes);

/// A file whose blocks all lie on their own: put together in memory, leaf by leaf, as it is viewed.
Result<std::shared_ptr<ByteSource>> assembled_source(content::FileLayout layout, content::BlockGetter get);

/// Compares a leaf's content with its CID, anew. kIntegrity names the file, offset and CID.
Result<> check_leaf(const content::Leaf& leaf, ByteView content, const fs::path& file, const content::BlockGetter& get);

/// Runs task(0) ... task(count - 1) on as many threads as make sense and returns the first error.
Result<> parallel(std::size_t count, const std::function<Result<>(std::size_t)>& task);

}  // namespace ipfs_accelerate::store
