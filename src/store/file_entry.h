// One file DAG kept as a file: data, leaf table, bitmap of leaves that are there, and where referenced bytes lie.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>

#include "content/file_dag.h"
#include "store/os.h"

namespace ipfs_accelerate::store {

/// A leaf in the table on disk.
struct LeafRecord {
  std::uint64_t offset = 0;
  std::uint32_t length = 0;
  std::uint8_t kind = 0;  ///< content::LeafKind
  std::uint8_t version = 1;
  std::uint16_t codec = 0x55;
  std::uint16_t function = 0;
  std::uint16_t digest_length = 0;
  std::uint32_t reserved = 0;
  std::uint8_t digest[64] = {};
};
static_assert(sizeof(LeafRecord) == 88);

/// What tells that a referenced file was touched.
struct FileState {
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  std::uint64_t inode = 0, device = 0;
  friend bool operator==(const FileState&, const FileState&) = default;
};
FileState state_of(const struct stat& status);

/// The user's file behind a referenced entry.
struct Reference {
  fs::path path;
  FileState state;
};

/// Folder `files/<multihash>` of the store: data (unless referenced), table, bitmap, reference.
class FileEntry {
 public:
  static Result<std::shared_ptr<FileEntry>> load(const fs::path& folder, bool writable);
  /// Writes table and bitmap (all leaves there, or none) into `folder`, and the reference when there is one.
  static Result<> write(const fs::path& folder, const content::FileLayout& layout, bool complete,
                        const Reference* reference);

  const content::Cid& root() const { return root_; }
  const fs::path& folder() const { return folder_; }
  std::uint64_t size() const { return size_; }
  std::size_t leaf_count() const { return leaves_.size(); }
  const LeafRecord& leaf(std::size_t index) const { return leaves_[index]; }
  content::Cid leaf_cid(std::size_t index) const;
  const std::optional<Reference>& reference() const { return reference_; }
  fs::path data_path() const { return reference_ ? reference_->path : folder_ / "data"; }

  bool has(std::size_t index) const;
  std::size_t present() const;  ///< leaves that are there
  std::uint64_t present_bytes() const;
  /// The leaf's content, not verified.
  Result<Bytes> read(std::size_t index) const;
  /// Writes a leaf's content in its place; has() says yes at once, after a crash only when flush() came before it.
  Result<> put(std::size_t index, ByteView content);
  /// A leaf that turned out damaged: as if it was not there.
  void forget(std::size_t index);
  Result<> flush();

  /// For referenced files: whether the file looks as it did when its leaves were last verified.
  Result<bool> reference_unchanged() const;
  /// Remembers the file's present state (after all leaves were verified again).
  Result<> accept_reference(const FileState& state);

 private:
  Result<> load_table();
  Result<> load_bitmap();
  Result<> load_reference();
  Result<> open_data(bool create);

  fs::path folder_;
  bool writable_ = false;
  content::Cid root_;
  std::uint64_t size_ = 0;
  Mapping table_;
  std::span<const LeafRecord> leaves_;
  std::optional<Reference> reference_;
  mutable std::mutex mutex_;  // guards what follows
  Bytes bitmap_;
  mutable File data_;
  bool dirty_ = false;
};

}  // namespace ipfs_accelerate::store
