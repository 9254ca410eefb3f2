// What the parts of Store share.
#pragma once

#include <atomic>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>
#include <unordered_set>

#include "content/directory.h"
#include "content/unixfs.h"
#include "store/file_entry.h"
#include "store/pack.h"
#include "store/store.h"

namespace ipfs_accelerate::store {

using content::Codec;
using content::FileLayout;
using content::LeafKind;
using content::UnixFsNode;
using content::UnixFsType;
using content::VerifiedBlock;

/// A leaf's place: an entry and an index into its table.
struct LeafPlace {
  std::shared_ptr<FileEntry> entry;
  std::size_t index = 0;
};

struct Store::Impl : std::enable_shared_from_this<Store::Impl> {
  fs::path root;
  Mode mode = Mode::kReadWrite;
  File lock;
  std::shared_mutex activity;  // shared while blocks are added, alone while they are removed
  std::mutex mutex;            // guards what follows
  Pack pack;
  std::unordered_map<std::string, std::shared_ptr<FileEntry>> entries;    // by key of the file's root
  std::unordered_map<std::string, Error> broken;                          // entries that cannot be read
  std::unordered_multimap<std::uint64_t, LeafPlace> leaves;               // by first bytes of the digest
  std::unordered_map<std::string, std::weak_ptr<ByteSource>> open_files;  // by key of the file's root
  std::unordered_map<std::string, std::weak_ptr<const Mapping>> maps;     // by key of the file's root
  std::atomic<std::uint64_t> next_temporary = 0;

  // store.cpp
  Result<> open();
  Result<> need_writable() const;
  void load_entry(const fs::path& folder);
  void add_entry(std::shared_ptr<FileEntry> entry);
  void drop_entry(const std::string& key);
  void refresh();  // what other processes wrote; mutex held
  std::shared_ptr<FileEntry> find_entry(const std::string& key);
  std::vector<LeafPlace> find_leaves(const Cid& cid);  // mutex held
  Result<fs::path> make_temporary();
  fs::path entry_folder(const std::string& key) const;
  Result<> publish(const fs::path& temporary, const std::string& key);

  bool has_block(const Cid& cid);
  Result<Block> get_block(const Cid& cid);
  std::optional<std::uint64_t> block_length(const Cid& cid);
  Result<Block> leaf_block(const LeafPlace& place, const Cid& cid);
  Result<> put_block(const VerifiedBlock& block);
  Result<> begin_file(const FileLayout& layout);
  Result<> flush();
  content::BlockGetter getter();

  // store_read.cpp
  Result<UnixFsNode> node(const Cid& cid);
  Result<Entry> entry_of(const Cid& cid, std::string name);
  Result<std::shared_ptr<ByteSource>> open_file(const Cid& cid);
  Result<FileLayout> layout_of(const FileEntry& entry);
  Result<Cid> resolve(std::string_view path);

  // store_peek.cpp
  Result<std::shared_ptr<const Mapping>> map_of(const FileEntry& entry);
  Result<HostBytesRef> peek_leaf(const LeafPlace& place);

  // store_pins.cpp
  Result<std::vector<Pin>> pins();
  Result<> write_pins(std::span<const Pin> pins);
  Result<> pin(const Cid& cid, std::string_view name);
};

/// The content bytes of a leaf's block.
Result<Bytes> leaf_content(const VerifiedBlock& block);

}  // namespace ipfs_accelerate::store
