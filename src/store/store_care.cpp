// Looking after the store: verify, is_complete, gc, rm, stat.
#include <algorithm>

#include "content/walk.h"
#include "store/open_file.h"
#include "store/store_impl.h"

namespace ipfs_accelerate::store {
namespace {

// Everything below a root, each block once as each codec. `visit` gets each CID before its children are followed; it
// may refuse.
class Walk {
 public:
  explicit Walk(Store::Impl& store) : store_(store) {}

  Result<> run(const Cid& root, const std::function<Result<bool>(const Cid&)>& visit) {
    for (std::vector<Cid> open{root}; !open.empty();) {
      const Cid cid = std::move(open.back());
      open.pop_back();
      if (!met_.insert(content::traversal_key(cid)).second) continue;
      seen_.insert(cid.key());
      IA_ASSIGN(const bool follow, visit(cid));
      if (!follow || cid.codec != Codec::kDagPb) continue;
      IA_ASSIGN(const Block block, store_.get_block(cid));
      IA_ASSIGN(auto node, content::decode_dag_pb(block.bytes()));
      for (auto it = node.links.rbegin(); it != node.links.rend(); ++it) open.push_back(std::move(it->cid));
    }
    return {};
  }

  const std::unordered_set<std::string>& seen() const { return seen_; }
  std::unordered_set<std::string> take_seen() { return std::move(seen_); }

 private:
  Store::Impl& store_;
  std::unordered_set<std::string> met_;   // bytes and codec: as another codec the same bytes have other links
  std::unordered_set<std::string> seen_;  // blocks
};

// Where a block's bytes lie, for a damage report.
std::pair<std::string, std::uint64_t> place_of(Store::Impl& store, const Cid& cid) {
  const std::scoped_lock guard(store.mutex);
  for (const LeafPlace& place : store.find_leaves(cid)) {
    return {place.entry->data_path().string(), place.entry->leaf(place.index).offset};
  }
  return {(store.root / "pack").string(), 0};
}

bool in_pack(Store::Impl& store, const Cid& cid) {
  const std::scoped_lock guard(store.mutex);
  return store.pack.has(cid.key());
}

std::uint64_t disk_bytes(const fs::path& root) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator it(root, error), end; !error && it != end; it.increment(error)) {
    struct stat status;
    if (::lstat(it->path().c_str(), &status) == 0) bytes += static_cast<std::uint64_t>(status.st_blocks) * 512;
  }
  return bytes;
}

}  // namespace

namespace {

// Reads everything below a root: blocks by CID, leaves of files in their places, where `cat` would find them.
class Verify {
 public:
  Verify(Store::Impl& store, const ProgressCallback& progress, const Stop& stop)
      : store_(store), progress_(progress), stop_(stop) {}

  Result<VerifyReport> run(const Cid& root) {
    shown_ = root.text();
    Walk walk(store_);
    IA_TRY(walk.run(root, [&](const Cid& cid) -> Result<bool> {
      if (const auto entry = store_.find_entry(cid.key())) IA_TRY(check_file(*entry));
      if (in_place_.contains(cid.key()) && !in_pack(store_, cid)) return false;
      if (cid.codec == Codec::kDagPb) return check_block(cid);
      batch_.push_back(cid);
      if (batch_.size() >= 256) IA_TRY(drain());
      return false;
    }));
    IA_TRY(drain());
    return std::move(report_);
  }

 private:
  // Blocks without links, which can be read side by side.
  Result<> drain() {
    auto done = parallel(batch_.size(), [&](std::size_t i) -> Result<> {
      IA_TRY(check_block(batch_[i]));
      return {};
    });
    batch_.clear();
    return done;
  }

  Result<bool> check_block(const Cid& cid) {
    IA_TRY(go_on());
    const auto block = store_.get_block(cid);
    const auto [file, offset] = block ? std::pair<std::string, std::uint64_t>{} : place_of(store_, cid);
    if (block) {
      count(block->bytes().size());
    } else {
      damage({cid, file, offset, block.error()});
    }
    return block.has_value();
  }

  Result<> check_file(const FileEntry& entry) {
    const auto layout = store_.layout_of(entry);
    if (!layout && layout.error().code == ErrorCode::kStoreCorrupt)
      damage({entry.root(), entry.folder().string(), 0, layout.error()});
    if (!layout) return {};  // the walk meets the inner node that is missing or damaged
    for (std::size_t i = 0; i < layout->leaves.size(); ++i) {
      if (entry.has(i)) in_place_.insert(layout->leaves[i].cid.key());
    }
    return parallel(layout->leaves.size(), [&](std::size_t i) -> Result<> {
      IA_TRY(go_on());
      if (entry.has(i)) check_leaf_of(entry, i, layout->leaves[i]);  // others are looked for by their CID
      return {};
    });
  }

  void check_leaf_of(const FileEntry& entry, std::size_t index, const content::Leaf& leaf) {
    const auto bytes = entry.read(index);
    const auto match = bytes ? check_leaf(leaf, *bytes, entry.data_path(), store_.getter()) : Result<>{};
    if (bytes && match) {
      count(leaf.length);
    } else {
      damage({leaf.cid, entry.data_path().string(), leaf.offset, bytes ? match.error() : bytes.error()});
    }
  }

  Result<> go_on() const {
    if (stop_.requested()) return fail(ErrorCode::kCancelled, "verifying was cancelled");
    return {};
  }

  void count(std::uint64_t bytes) {
    const std::scoped_lock guard(mutex_);
    ++report_.blocks;
    report_.bytes += bytes;
    if (progress_) progress_({shown_, report_.bytes, 0});
  }

  void damage(Damage found) {
    const std::scoped_lock guard(mutex_);
    report_.damage.push_back(std::move(found));
  }

  Store::Impl& store_;
  const ProgressCallback& progress_;
  const Stop& stop_;
  std::string shown_;
  std::unordered_set<std::string> in_place_;  // leaves read in the files they belong to
  std::vector<Cid> batch_;
  std::mutex mutex_;  // guards what follows
  VerifyReport report_;
};

}  // namespace

Result<VerifyReport> Store::verify(std::string_view path, const ProgressCallback& progress, const Stop& stop) {
  IA_ASSIGN(const Cid root, impl_->resolve(path));
  return Verify(*impl_, progress, stop).run(root);
}

Result<bool> Store::is_complete(std::string_view path) {
  {
    const std::scoped_lock guard(impl_->mutex);
    impl_->refresh();
  }
  auto root = impl_->resolve(path);
  if (!root && root.error().code == ErrorCode::kNotFound) return false;
  if (!root) return std::unexpected(root.error());
  bool complete = true;
  Walk walk(*impl_);
  IA_TRY(walk.run(*root, [&](const Cid& cid) -> Result<bool> {
    complete = complete && impl_->has_block(cid);
    // A dag-pb block outside the pack is a leaf of a file: nothing below it, and no need to read it.
    return complete && in_pack(*impl_, cid);
  }));
  return complete;
}

namespace {

// A leaf that must stay although its file goes: its block moves to the pack.
Result<> rescue_leaves(Store::Impl& store, const FileEntry& dying, const std::unordered_set<std::string>& live,
                       const std::unordered_set<std::string>& kept_files) {
  for (std::size_t i = 0; i < dying.leaf_count(); ++i) {
    const Cid cid = dying.leaf_cid(i);
    if (!dying.has(i) || !live.contains(cid.key()) || store.pack.has(cid.key())) continue;
    bool elsewhere = false;
    for (const LeafPlace& place : store.find_leaves(cid)) {
      elsewhere = elsewhere || (kept_files.contains(place.entry->root().key()) && place.entry->has(place.index));
    }
    if (elsewhere) continue;
    IA_ASSIGN(Bytes bytes, dying.read(i));
    if (dying.leaf(i).kind == static_cast<std::uint8_t>(LeafKind::kWrapped)) {
      bytes = content::encode_unixfs({.type = UnixFsType::kFile, .data = bytes, .file_size = bytes.size()});
    }
    const auto block = Block::make(cid, std::move(bytes));
    if (block) IA_TRY(store.pack.put(block->verified()));  // a damaged leaf is no loss
  }
  return {};
}

Result<std::unordered_set<std::string>> mark(Store::Impl& store, std::span<const Pin> pins) {
  Walk walk(store);
  for (const Pin& pin : pins) {
    IA_TRY(walk.run(pin.cid, [&](const Cid& cid) -> Result<bool> { return in_pack(store, cid); }));
  }
  return walk.take_seen();
}

Result<GcReport> sweep(Store::Impl& store, const std::unordered_set<std::string>& live) {
  GcReport report;
  const std::scoped_lock guard(store.mutex);
  std::unordered_set<std::string> kept;
  std::vector<std::shared_ptr<FileEntry>> dying;
  for (const auto& [key, entry] : store.entries) {
    if (live.contains(key)) {
      kept.insert(key);
    } else {
      dying.push_back(entry);
    }
  }
  for (const auto& entry : dying) IA_TRY(rescue_leaves(store, *entry, live, kept));
  IA_TRY(store.pack.flush());
  for (const auto& entry : dying) {
    ++report.files;
    if (!entry->reference()) report.bytes += entry->present_bytes();
    const fs::path grave = store.root / "tmp" / std::format("removed-{}", store.next_temporary++);
    IA_TRY(move(entry->folder(), grave));
    store.drop_entry(entry->root().key());
    std::error_code ignored;
    fs::remove_all(grave, ignored);
  }
  // Leaves that came as blocks before their file was known lie twice; the file's copy stays.
  const auto wanted = [&](const std::string& key) {
    if (!live.contains(key)) return false;
    const auto cid = Cid::from_bytes(as_bytes("\x01\x55" + key));
    if (!cid) return true;
    const auto places = store.find_leaves(*cid);
    return std::ranges::none_of(
        places, [](const LeafPlace& place) { return place.entry->has(place.index) && !place.entry->reference(); });
  };
  IA_ASSIGN(const std::uint64_t freed, store.pack.keep(wanted, report.blocks));
  report.bytes += freed;
  return report;
}

}  // namespace

Result<GcReport> Store::gc() {
  IA_TRY(impl_->need_writable());
  const std::unique_lock activity(impl_->activity);
  IA_TRY(impl_->flush());
  IA_ASSIGN(const auto pinned, pins());
  auto live = mark(*impl_, pinned);
  if (!live) return while_doing(std::move(live).error(), "finding what pins reach (nothing was removed)");
  return sweep(*impl_, *live);
}

Result<GcReport> Store::rm(const Cid& cid) {
  auto unpinned = unpin(cid);
  if (!unpinned && unpinned.error().code != ErrorCode::kNotFound) return std::unexpected(unpinned.error());
  if (!unpinned && !has_block(cid)) return fail(ErrorCode::kNotFound, "{} is not in the store", cid.text());
  return gc();
}

Result<Stat> Store::stat() {
  Stat stat;
  IA_ASSIGN(const auto pinned, pins());
  stat.pins = pinned.size();
  const std::scoped_lock guard(impl_->mutex);
  impl_->refresh();
  for (const auto& [key, entry] : impl_->entries) {
    ++stat.files;
    const std::uint64_t bytes = entry->present_bytes();
    stat.file_bytes += bytes;
    if (entry->reference()) stat.referenced_bytes += bytes;
  }
  stat.blocks = impl_->pack.count();
  stat.block_bytes = impl_->pack.bytes();
  stat.disk_bytes = disk_bytes(impl_->root);
  return stat;
}

}  // namespace ipfs_accelerate::store
