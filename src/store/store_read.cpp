// Reading by path: resolve, ls, open_file, cat.
#include "store/open_file.h"
#include "store/store_impl.h"

namespace ipfs_accelerate::store {

Result<Cid> Store::Impl::resolve(std::string_view path) {
  IA_ASSIGN(const content::ContentPath parsed, content::parse_path(path));
  return content::resolve_path(parsed, getter());
}

Result<Cid> Store::resolve(std::string_view path) { return impl_->resolve(path); }

Result<UnixFsNode> Store::Impl::node(const Cid& cid) {
  IA_ASSIGN(const Block block, get_block(cid));
  auto node = content::decode_unixfs(block.verified());
  if (!node) return while_doing(std::move(node).error(), "reading block {}", cid.text());
  return node;
}

// A raw block's size is known without reading it; a dag-pb block says what it is.
Result<Entry> Store::Impl::entry_of(const Cid& cid, std::string name) {
  Entry entry{std::move(name), cid, EntryType::kFile, 0};
  if (cid.codec == Codec::kRaw) {
    const auto length = block_length(cid);
    if (!length) entry.type = EntryType::kUnknown;
    entry.size = length.value_or(0);
    return entry;
  }
  const auto known = node(cid);
  if (!known && known.error().code != ErrorCode::kNotFound) return std::unexpected(known.error());
  if (!known) {
    entry.type = EntryType::kUnknown;
    return entry;
  }
  switch (known->type) {
    case UnixFsType::kDirectory:
    case UnixFsType::kHamtShard: entry.type = EntryType::kDirectory; break;
    case UnixFsType::kSymlink:
      entry.type = EntryType::kSymlink;
      entry.size = known->data.size();
      break;
    default: entry.size = known->file_size;
  }
  return entry;
}

Result<Entry> Store::entry(std::string_view path) {
  IA_ASSIGN(const content::ContentPath parsed, content::parse_path(path));
  IA_ASSIGN(const Cid cid, content::resolve_path(parsed, impl_->getter()));
  IA_ASSIGN(Entry entry, impl_->entry_of(cid, parsed.names.empty() ? cid.text() : parsed.names.back()));
  if (entry.type != EntryType::kUnknown) return entry;
  return fail(ErrorCode::kNotFound, "block {} is not in the store", cid.text());
}

Result<std::vector<Entry>> Store::ls(std::string_view path) {
  IA_ASSIGN(Entry top, entry(path));
  if (top.type != EntryType::kDirectory) return std::vector{std::move(top)};
  IA_ASSIGN(const auto listing, content::list_directory(top.cid, impl_->getter()));
  std::vector<Entry> entries;
  for (const content::Link& link : listing.entries) {
    IA_ASSIGN(Entry entry, impl_->entry_of(link.cid, link.name));
    entries.push_back(std::move(entry));
  }
  return entries;
}

// dag-pb leaves are known from the table; that saves reading the whole file. A wrong table is found when the leaf is
// verified.
Result<FileLayout> Store::Impl::layout_of(const FileEntry& entry) {
  std::unordered_set<std::string> wrapped;
  for (std::size_t i = 0; i < entry.leaf_count(); ++i) {
    if (entry.leaf(i).kind == static_cast<std::uint8_t>(LeafKind::kWrapped)) wrapped.insert(entry.leaf_cid(i).key());
  }
  IA_ASSIGN(FileLayout layout, content::layout_file(entry.root(), getter(), [&](const Cid& cid) {
              return !wrapped.empty() && wrapped.contains(cid.key());
            }));
  bool same = layout.size == entry.size() && layout.leaves.size() == entry.leaf_count();
  for (std::size_t i = 0; same && i < layout.leaves.size(); ++i) {
    same = layout.leaves[i].offset == entry.leaf(i).offset && layout.leaves[i].length == entry.leaf(i).length;
  }
  if (same) return layout;
  return fail(ErrorCode::kStoreCorrupt, "{}: the leaf table does not fit {}; remove this folder and add or fetch again",
              entry.folder().string(), entry.root().text());
}

Result<std::shared_ptr<ByteSource>> Store::Impl::open_file(const Cid& cid) {
  const std::string key = cid.key();
  if (auto entry = find_entry(key)) {
    {
      const std::scoped_lock guard(mutex);
      if (auto open = open_files[key].lock()) return open;
    }
    IA_ASSIGN(FileLayout layout, layout_of(*entry));
    // The source may outlive the Store object, so it holds what its getter needs.
    content::BlockGetter get = [self = shared_from_this()](const Cid& leaf) { return self->get_block(leaf); };
    IA_ASSIGN(auto source, open_entry(std::move(entry), std::move(layout), std::move(get)));
    const std::scoped_lock guard(mutex);
    open_files[key] = source;
    return source;
  }
  {
    const std::scoped_lock guard(mutex);
    if (const auto found = broken.find(key); found != broken.end()) return std::unexpected(found->second);
  }
  IA_ASSIGN(UnixFsNode top, node(cid));
  if (top.type != UnixFsType::kFile && top.type != UnixFsType::kRaw) {
    return fail(ErrorCode::kInvalidArgument, "{} is {}, not a file", cid.text(),
                top.type == UnixFsType::kSymlink ? "a symbolic link" : "a folder");
  }
  if (top.links.empty()) return memory_source(std::move(top.data));
  IA_ASSIGN(FileLayout layout, content::layout_file(cid, getter()));
  return assembled_source(std::move(layout),
                          [self = shared_from_this()](const Cid& leaf) { return self->get_block(leaf); });
}

Result<std::shared_ptr<ByteSource>> Store::open_file(std::string_view path) {
  IA_ASSIGN(const Cid cid, impl_->resolve(path));
  return impl_->open_file(cid);
}

Result<> Store::cat(std::string_view path, const std::function<Result<>(ByteView)>& write) {
  IA_ASSIGN(const auto source, open_file(path));
  constexpr std::uint64_t kStep = 16u << 20;
  for (std::uint64_t at = 0; at < source->size(); at += kStep) {
    IA_ASSIGN(const ByteView bytes, source->view(at, std::min(kStep, source->size() - at)));
    IA_TRY(write(bytes));
  }
  return {};
}

}  // namespace ipfs_accelerate::store
