// Opening the store, and single blocks: in the pack or as leaves of files.
#include <fcntl.h>
#include <sys/file.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "content/hash.h"
#include "content/multibase.h"
#include "store/store_impl.h"

namespace ipfs_accelerate::store {
namespace {

constexpr std::string_view kFormat = "ipfs_accelerate store 1\n";

std::uint64_t digest_start(ByteView digest) {
  std::uint64_t start = 0;
  std::memcpy(&start, digest.data(), std::min<std::size_t>(sizeof(start), digest.size()));
  return start;
}

bool same_hash(const LeafRecord& leaf, const content::Multihash& hash) {
  return leaf.function == static_cast<std::uint16_t>(hash.function) && leaf.digest_length == hash.digest.size() &&
         std::memcmp(leaf.digest, hash.digest.data(), hash.digest.size()) == 0;
}

Result<File> lock_for_writing(const fs::path& path) {
  IA_ASSIGN(File file, File::open(path, O_RDWR | O_CREAT));
  if (::flock(file.fd(), LOCK_EX | LOCK_NB) == 0) return file;
  if (errno != EWOULDBLOCK) return os_error("locking", path);
  return fail(ErrorCode::kStoreLocked, "another process writes to the store {}; wait for it to end",
              path.parent_path().string());
}

Result<> check_format(const fs::path& root, bool create) {
  const fs::path path = root / "format";
  const auto text = read_file(path, 256);
  if (!text && text.error().code == ErrorCode::kNotFound && create) return replace_file(path, as_bytes(kFormat));
  if (!text) return std::unexpected(text.error());
  if (as_text(*text) == kFormat) return {};
  return fail(ErrorCode::kStoreCorrupt, "{} is not a store that this version reads", root.string());
}

}  // namespace

Store::Store() : impl_(std::make_shared<Impl>()) {}
Store::~Store() {
  if (impl_->mode != Mode::kReadWrite) return;
  (void)impl_->flush();  // what is lost here was never promised
  impl_->lock = File{};  // open files may keep the rest alive
}

const fs::path& Store::root() const { return impl_->root; }
bool Store::has_block(const Cid& cid) { return impl_->has_block(cid); }
Result<Block> Store::get_block(const Cid& cid) { return impl_->get_block(cid); }
Result<> Store::flush() { return impl_->flush(); }

Result<> Store::put_block(const VerifiedBlock& block) {
  IA_TRY(impl_->need_writable());
  const std::shared_lock activity(impl_->activity);
  return impl_->put_block(block);
}

Result<> Store::forget_damaged(const Cid& cid) {
  IA_TRY(impl_->need_writable());
  const auto damaged = [](const Result<Block>& block) { return !block && block.error().code == ErrorCode::kIntegrity; };
  const std::scoped_lock guard(impl_->mutex);
  if (impl_->pack.has(cid.key()) && damaged(impl_->pack.get(cid))) impl_->pack.forget(cid.key());
  for (const LeafPlace& place : impl_->find_leaves(cid)) {
    if (place.entry->reference() || !place.entry->has(place.index)) continue;  // a user's file is not ours to mend
    if (damaged(impl_->leaf_block(place, cid))) place.entry->forget(place.index);
  }
  return {};
}

Result<> Store::begin_file(const FileLayout& layout) {
  IA_TRY(impl_->need_writable());
  const std::shared_lock activity(impl_->activity);
  return impl_->begin_file(layout);
}

Result<std::shared_ptr<Store>> Store::open(const fs::path& root, Mode mode) {
  std::shared_ptr<Store> store(new Store);
  std::error_code error;
  store->impl_->root = fs::absolute(root, error);
  store->impl_->mode = mode;
  if (auto opened = store->impl_->open(); !opened) {
    store->impl_->mode = Mode::kReadOnly;  // nothing to flush
    return while_doing(std::move(opened).error(), "opening the store {}", root.string());
  }
  return store;
}

Result<> Store::Impl::open() {
  const bool writable = mode == Mode::kReadWrite;
  if (writable) {
    for (const char* folder : {"", "pack", "files", "tmp"}) IA_TRY(make_folders(root / folder));
    IA_ASSIGN(lock, lock_for_writing(root / "lock"));
    std::error_code ignored;
    for (const fs::path& left : paths_in(root / "tmp")) fs::remove_all(left, ignored);
  }
  IA_TRY(check_format(root, writable));
  IA_ASSIGN(pack, Pack::open(root / "pack", writable));
  for (const fs::path& folder : paths_in(root / "files")) load_entry(folder);
  return {};
}

Result<> Store::Impl::need_writable() const {
  if (mode == Mode::kReadWrite) return {};
  return fail(ErrorCode::kInvalidArgument, "the store {} is open for reading only", root.string());
}

void Store::Impl::load_entry(const fs::path& folder) {
  const auto key = content::decode_multibase(folder.filename().string());
  if (!key) return;  // not ours
  auto entry = FileEntry::load(folder, mode == Mode::kReadWrite);
  if (entry && (*entry)->root().key() == as_text(*key)) {
    add_entry(*std::move(entry));
  } else if (!entry) {
    broken[std::string(as_text(*key))] = std::move(entry).error();
  }
}

void Store::Impl::add_entry(std::shared_ptr<FileEntry> entry) {
  const std::string key = entry->root().key();
  drop_entry(key);
  for (std::size_t i = 0; i < entry->leaf_count(); ++i) {
    const LeafRecord& leaf = entry->leaf(i);
    if (leaf.kind == static_cast<std::uint8_t>(LeafKind::kEmbedded)) continue;
    leaves.emplace(digest_start({leaf.digest, leaf.digest_length}), LeafPlace{entry, i});
  }
  entries[key] = std::move(entry);
}

void Store::Impl::drop_entry(const std::string& key) {
  broken.erase(key);
  open_files.erase(key);
  maps.erase(key);
  const auto found = entries.find(key);
  if (found == entries.end()) return;
  for (std::size_t i = 0; i < found->second->leaf_count(); ++i) {
    const LeafRecord& leaf = found->second->leaf(i);
    const auto [first, last] = leaves.equal_range(digest_start({leaf.digest, leaf.digest_length}));
    for (auto it = first; it != last;) it = it->second.entry == found->second ? leaves.erase(it) : std::next(it);
  }
  entries.erase(found);
}

// Readers look again when they miss something: new blocks, new or completed files, files that were removed.
void Store::Impl::refresh() {
  if (mode == Mode::kReadWrite) return;
  (void)pack.refresh();
  std::vector<std::string> stale;
  for (const auto& [key, entry] : entries) {
    std::error_code error;
    const bool there = fs::exists(entry->folder() / "table", error);
    if (!there || entry->present() < entry->leaf_count()) stale.push_back(key);
  }
  for (const std::string& key : stale) drop_entry(key);
  for (const fs::path& folder : paths_in(root / "files")) {
    const auto key = content::decode_multibase(folder.filename().string());
    if (key && !entries.contains(std::string(as_text(*key)))) load_entry(folder);
  }
}

std::shared_ptr<FileEntry> Store::Impl::find_entry(const std::string& key) {
  const std::scoped_lock guard(mutex);
  std::error_code error;
  auto found = entries.find(key);
  if (mode == Mode::kReadOnly && (found != entries.end()) != fs::exists(entry_folder(key), error)) {
    refresh();
    found = entries.find(key);
  }
  return found == entries.end() ? nullptr : found->second;
}

std::vector<LeafPlace> Store::Impl::find_leaves(const Cid& cid) {
  std::vector<LeafPlace> places;
  const auto [first, last] = leaves.equal_range(digest_start(cid.hash.digest));
  for (auto it = first; it != last; ++it) {
    if (same_hash(it->second.entry->leaf(it->second.index), cid.hash)) places.push_back(it->second);
  }
  return places;
}

fs::path Store::Impl::entry_folder(const std::string& key) const {
  return root / "files" / content::encode_multibase(content::Base::kBase32, as_bytes(key));
}

Result<fs::path> Store::Impl::make_temporary() {
  const fs::path path = root / "tmp" / std::to_string(next_temporary++);
  IA_TRY(make_folders(path));
  return path;
}

// Puts a finished folder in its place; one that was there before moves out of the way first.
Result<> Store::Impl::publish(const fs::path& temporary, const std::string& key) {
  const fs::path folder = entry_folder(key);
  const std::scoped_lock guard(mutex);
  std::error_code ignored;
  if (fs::exists(folder, ignored)) {
    const fs::path old = root / "tmp" / std::format("old-{}", next_temporary++);
    IA_TRY(move(folder, old));
    drop_entry(key);
    IA_TRY(move(temporary, folder));
    fs::remove_all(old, ignored);
  } else {
    IA_TRY(move(temporary, folder));
  }
  IA_ASSIGN(auto entry, FileEntry::load(folder, true));
  add_entry(std::move(entry));
  return {};
}

content::BlockGetter Store::Impl::getter() {
  return [this](const Cid& cid) { return get_block(cid); };
}

Result<Bytes> leaf_content(const VerifiedBlock& block) {
  IA_ASSIGN(UnixFsNode node, content::decode_unixfs(block));
  const bool file = node.type == UnixFsType::kFile || node.type == UnixFsType::kRaw;
  if (!file) return fail(ErrorCode::kMalformedBlock, "{} is no part of a file", block.cid().text());
  return std::move(node.data);
}

Result<Block> Store::Impl::leaf_block(const LeafPlace& place, const Cid& cid) {
  IA_ASSIGN(Bytes bytes, place.entry->read(place.index));
  const LeafRecord& leaf = place.entry->leaf(place.index);
  if (leaf.kind == static_cast<std::uint8_t>(LeafKind::kWrapped)) {
    const auto envelope = content::leaf_envelope(bytes.size());
    bytes.insert(bytes.begin(), envelope.before.begin(), envelope.before.end());
    bytes.insert(bytes.end(), envelope.after.begin(), envelope.after.end());
  }
  auto block = Block::make(cid, std::move(bytes));
  if (block) return block;
  return while_doing(std::move(block).error(), "reading {} at offset {}", place.entry->data_path().string(),
                     leaf.offset);
}

namespace {

bool usable(const LeafPlace& place) {
  if (!place.entry->has(place.index)) return false;
  if (!place.entry->reference()) return true;
  const auto unchanged = place.entry->reference_unchanged();
  return unchanged && *unchanged;
}

}  // namespace

bool Store::Impl::has_block(const Cid& cid) { return block_length(cid).has_value(); }

std::optional<std::uint64_t> Store::Impl::block_length(const Cid& cid) {
  if (cid.hash.function == content::HashFunction::kIdentity) return cid.hash.digest.size();
  const std::scoped_lock guard(mutex);
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (const auto length = pack.length(cid.key())) return length;
    for (const LeafPlace& place : find_leaves(cid)) {
      if (!usable(place)) continue;
      const LeafRecord& leaf = place.entry->leaf(place.index);
      if (leaf.kind == static_cast<std::uint8_t>(LeafKind::kRaw)) return leaf.length;
      const auto envelope = content::leaf_envelope(leaf.length);
      return envelope.before.size() + leaf.length + envelope.after.size();
    }
    if (mode == Mode::kReadWrite) break;
    refresh();
  }
  return std::nullopt;
}

Result<Block> Store::Impl::get_block(const Cid& cid) {
  if (cid.hash.function == content::HashFunction::kIdentity) return Block::from_identity(cid);
  std::vector<LeafPlace> places;
  for (int attempt = 0; attempt < 2 && places.empty(); ++attempt) {
    const std::scoped_lock guard(mutex);
    if (attempt == 1) refresh();
    if (pack.has(cid.key())) return pack.get(cid);
    places = find_leaves(cid);
    std::erase_if(places, [](const LeafPlace& place) { return !place.entry->has(place.index); });
    if (mode == Mode::kReadWrite) break;
  }
  std::optional<Error> error;
  for (const LeafPlace& place : places) {
    auto block = leaf_block(place, cid);
    if (block) return block;
    if (!error) error = std::move(block).error();
  }
  if (error) return std::unexpected(*error);
  return fail(ErrorCode::kNotFound, "block {} is not in the store", cid.text());
}

Result<> Store::Impl::put_block(const VerifiedBlock& block) {
  if (block.cid().hash.function == content::HashFunction::kIdentity) return {};
  std::vector<LeafPlace> places;
  {
    const std::scoped_lock guard(mutex);
    places = find_leaves(block.cid());
    if (places.empty()) {
      IA_TRY(pack.put(block));
      return {};
    }
  }
  for (const LeafPlace& place : places) {
    if (place.entry->has(place.index)) continue;
    if (place.entry->leaf(place.index).kind == static_cast<std::uint8_t>(LeafKind::kRaw)) {
      IA_TRY(place.entry->put(place.index, block.bytes()));
      continue;
    }
    IA_ASSIGN(const Bytes content, leaf_content(block));
    const auto envelope = content::leaf_envelope(content.size());
    const std::array<ByteView, 3> parts{envelope.before, content, envelope.after};
    IA_TRY(content::check_hash(block.cid().hash, parts));  // another encoding could not be put together again
    IA_TRY(place.entry->put(place.index, content));
  }
  return {};
}

Result<> Store::Impl::begin_file(const FileLayout& layout) {
  const std::string key = layout.root.key();
  auto entry = find_entry(key);
  if (!entry) {
    IA_ASSIGN(const fs::path temporary, make_temporary());
    IA_TRY(FileEntry::write(temporary, layout, false, nullptr));
    {
      IA_ASSIGN(File data, File::open(temporary / "data", O_RDWR | O_CREAT));
      IA_TRY(data.resize(layout.size));
    }
    // Blocks that came before the file was known move from the pack into their place.
    IA_TRY(publish(temporary, key));
    entry = find_entry(key);
  }
  for (std::size_t i = 0; i < entry->leaf_count(); ++i) {
    if (entry->has(i)) continue;
    const Cid cid = i < layout.leaves.size() ? layout.leaves[i].cid : entry->leaf_cid(i);
    auto block = get_block(cid);
    if (!block) continue;  // it will come
    IA_ASSIGN(const Bytes content, leaf_content(block->verified()));
    IA_TRY(entry->put(i, content));
  }
  return {};
}

Result<> Store::Impl::flush() {
  std::vector<std::shared_ptr<FileEntry>> all;
  {
    const std::scoped_lock guard(mutex);
    IA_TRY(pack.flush());
    for (const auto& [key, entry] : entries) all.push_back(entry);
  }
  for (const auto& entry : all) IA_TRY(entry->flush());
  return sync_folder(root / "files");
}

}  // namespace ipfs_accelerate::store
