// Blocks as they lie in the store, unverified: views of the store's own files, copies of everything else.
#include <fcntl.h>

#include <algorithm>
#include <cstring>

#include "store/store_impl.h"

namespace ipfs_accelerate::store {
namespace {

/// A raw leaf inside the map of a file that the store owns. Neighbouring leaves are neighbours in memory.
class MappedLeaf final : public HostBytes {
 public:
  MappedLeaf(std::shared_ptr<const Mapping> map, std::uint64_t offset, std::uint64_t length, fs::path file)
      : map_(std::move(map)), offset_(offset), length_(length), file_(std::move(file)) {}
  std::uint64_t size() const override { return length_; }
  const std::uint8_t* data() const override { return map_->bytes().data() + offset_; }
  void copy(std::uint64_t offset, std::span<std::uint8_t> into) const override {
    std::memcpy(into.data(), data() + offset, into.size());
  }
  std::string where() const override { return std::format("file {}, offset {}", file_.string(), offset_); }

 private:
  std::shared_ptr<const Mapping> map_;
  std::uint64_t offset_, length_;
  fs::path file_;
};

/// Bytes of our own that say where they were read.
class ReadBytes final : public HostBytes {
 public:
  ReadBytes(Bytes bytes, std::string where) : bytes_(std::move(bytes)), where_(std::move(where)) {}
  std::uint64_t size() const override { return bytes_.size(); }
  const std::uint8_t* data() const override { return bytes_.data(); }
  void copy(std::uint64_t offset, std::span<std::uint8_t> into) const override {
    if (!into.empty()) std::memcpy(into.data(), bytes_.data() + offset, into.size());
  }
  std::string where() const override { return where_; }

 private:
  Bytes bytes_;
  std::string where_;
};

/// Files share leaves. One that the store owns is better than a referenced one, which may have changed or gone.
int doubt(const LeafPlace& place) {
  if (!place.entry->reference()) return 0;
  return place.entry->reference_unchanged().value_or(false) ? 1 : 2;
}

}  // namespace

Result<std::shared_ptr<const Mapping>> Store::Impl::map_of(const FileEntry& entry) {
  const std::string key = entry.root().key();
  {
    const std::scoped_lock guard(mutex);
    if (auto map = maps[key].lock()) return map;
  }
  IA_ASSIGN(const File file, File::open(entry.data_path(), O_RDONLY));
  IA_ASSIGN(const std::uint64_t size, file.size());
  if (size < entry.size()) {
    return fail(ErrorCode::kStoreCorrupt, "file {} has {} bytes instead of {}; remove this folder and fetch again",
                entry.data_path().string(), size, entry.size());
  }
  IA_ASSIGN(Mapping mapping, Mapping::of_file(file, entry.size()));
  auto map = std::make_shared<const Mapping>(std::move(mapping));
  const std::scoped_lock guard(mutex);
  maps[key] = map;
  return map;
}

/// Only files the store owns are mapped: a referenced file may change or be cut short under a map.
Result<HostBytesRef> Store::Impl::peek_leaf(const LeafPlace& place) {
  const LeafRecord& leaf = place.entry->leaf(place.index);
  if (!place.entry->reference()) {
    IA_ASSIGN(auto map, map_of(*place.entry));
    return std::make_shared<MappedLeaf>(std::move(map), leaf.offset, leaf.length, place.entry->data_path());
  }
  std::string where = std::format("file {}, offset {}", place.entry->data_path().string(), leaf.offset);
  auto bytes = place.entry->read(place.index);
  if (!bytes && bytes.error().code == ErrorCode::kNotFound) return HostBytesRef();  // the user's file is gone
  if (!bytes && bytes.error().code != ErrorCode::kIntegrity) return std::unexpected(std::move(bytes).error());
  return std::make_shared<ReadBytes>(bytes ? *std::move(bytes) : Bytes(), std::move(where));
}

Result<HostBytesRef> Store::peek(const Cid& cid) {
  {
    std::vector<LeafPlace> places;
    for (int attempt = 0; attempt < 2 && places.empty(); ++attempt) {
      const std::scoped_lock guard(impl_->mutex);
      if (attempt == 1 && impl_->mode == Mode::kReadOnly) impl_->refresh();
      if (impl_->pack.has(cid.key())) break;
      places = impl_->find_leaves(cid);
      std::erase_if(places, [](const LeafPlace& place) {
        return !place.entry->has(place.index) ||
               place.entry->leaf(place.index).kind != static_cast<std::uint8_t>(LeafKind::kRaw);
      });
    }
    std::ranges::stable_sort(places, {}, doubt);
    for (const LeafPlace& place : places) {
      IA_ASSIGN(HostBytesRef bytes, impl_->peek_leaf(place));
      if (bytes) return bytes;
    }
    if (!places.empty()) return HostBytesRef();
  }
  auto block = impl_->get_block(cid);
  if (block) return own_bytes(Bytes(block->bytes().begin(), block->bytes().end()));
  if (block.error().code == ErrorCode::kNotFound) return HostBytesRef();
  // Damaged: bytes that match nothing, so that whoever compares them finds out, with the reason beside them.
  if (block.error().code == ErrorCode::kIntegrity) {
    return std::make_shared<ReadBytes>(Bytes(), std::move(block).error().message);
  }
  return std::unexpected(std::move(block).error());
}

}  // namespace ipfs_accelerate::store
