// Looking after the store: verify, is_complete, gc, rm, stat.
#include <algorithm>

#include "store/open_file.h"
#include "store/store_impl.h"

namespace ipfs_accelerate::store {
namespace {

// Everything below a root, each block once. `visit` gets each CID before its children are followed; it may refuse.
class Walk {
 public:
  explicit Walk(Store::Impl& store) : store_(store) {}

  Result<> run(const Cid& root, const std::function<Result<bool>(const Cid&)>& visit) {
    for (std::vector<Cid> open{root}; !open.empty();) {
      const Cid cid = std::move(open.back());
      open.pop_back();
      if (!seen_.insert(cid.key()).second) continue;
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
  std::unordered_set<std::string> seen_;
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

Result<VerifyReport> Store::verify(std::string_view path, const ProgressCallback& progress, std::stop_token cancel) {
  IA_ASSIGN(const Cid root, impl_->resolve(path));
  VerifyReport report;
  std::vector<Cid> batch;  // leaves, which have no links to follow
  std::mutex mutex;
  const auto check = [&](const Cid& cid) -> Result<bool> {
    if (cancel.stop_requested()) return fail(ErrorCode::kCancelled, "verifying was cancelled");
    const auto block = impl_->get_block(cid);
    const auto [file, offset] = block ? std::pair<std::string, std::uint64_t>{} : place_of(*impl_, cid);
    const std::scoped_lock guard(mutex);
    if (!block) {
      report.damage.push_back({cid, file, offset, block.error()});
      return false;
    }
    ++report.blocks;
    report.bytes += block->bytes().size();
    if (progress) progress({root.text(), report.bytes, 0, 0, 0});
    return true;
  };
  const auto drain = [&]() -> Result<> {
    auto done = parallel(batch.size(), [&](std::size_t i) -> Result<> {
      IA_TRY(check(batch[i]));
      return {};
    });
    batch.clear();
    return done;
  };
  Walk walk(*impl_);
  IA_TRY(walk.run(root, [&](const Cid& cid) -> Result<bool> {
    if (cid.codec == Codec::kDagPb) return check(cid);
    batch.push_back(cid);
    if (batch.size() >= 256) IA_TRY(drain());
    return false;
  }));
  IA_TRY(drain());
  return report;
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
