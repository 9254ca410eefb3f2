// Hashing a tree on all cores into a UnixFS DAG, handing blocks and file bytes to whoever keeps them.
#pragma once

#include "store/os.h"
#include "store/tree.h"

namespace ipfs_accelerate::store {

/// Takes the content of one file as it is read, in any order and from several threads.
class FileWriter {
 public:
  virtual ~FileWriter() = default;
  virtual Result<> write(std::uint64_t offset, ByteView bytes) = 0;
  /// All was written; returns the bytes that were new to the store.
  virtual Result<std::uint64_t> finish(const content::FileLayout& layout) = 0;
};

/// Where an import goes. Called from several threads.
class ImportTarget {
 public:
  virtual ~ImportTarget() = default;
  /// A block of its own: folder, inner node, small file. Returns the bytes that were new.
  virtual Result<std::uint64_t> block(const content::VerifiedBlock& block) = 0;
  /// A file that should be kept as a file; nothing to have it as a block (only asked for files of one chunk).
  virtual Result<std::unique_ptr<FileWriter>> begin_file(const SourceFile& file, const File& open, bool one_chunk) = 0;
};

/// Memory is bounded by threads x chunk, and some 100 bytes per chunk of the files at work.
Result<Added> import_tree(const std::filesystem::path& path, const AddOptions& options, ImportTarget& target);

}  // namespace ipfs_accelerate::store
