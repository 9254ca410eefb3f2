// Reading and writing the files of one entry. Data is synced before the bitmap that announces it.
#include "store/file_entry.h"

#include <fcntl.h>

#include <bit>
#include <charconv>
#include <cstring>

#include "content/hash.h"

namespace ipfs_accelerate::store {
namespace {

constexpr char kMagic[8] = {'I', 'A', 'T', 'A', 'B', 'L', 'E', '1'};
constexpr std::size_t kMaxCidBytes = 128;

struct Header {
  char magic[8] = {};
  std::uint64_t count = 0;
  std::uint64_t file_size = 0;
  std::uint64_t cid_length = 0;
  std::uint8_t cid[kMaxCidBytes] = {};
};
static_assert(sizeof(Header) == 160);

std::unexpected<Error> corrupt(const fs::path& path, std::string_view what) {
  return fail(ErrorCode::kStoreCorrupt, "{}: {}; remove this folder and add or fetch the file again", path.string(),
              what);
}

void append(Bytes& out, const void* data, std::size_t size) {
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  out.insert(out.end(), bytes, bytes + size);
}

// Identity leaves are found by the digest of their bytes like all others.
Result<LeafRecord> record_of(const content::Leaf& leaf) {
  LeafRecord record{.offset = leaf.offset,
                    .length = static_cast<std::uint32_t>(leaf.length),
                    .kind = static_cast<std::uint8_t>(leaf.kind),
                    .version = static_cast<std::uint8_t>(leaf.cid.version),
                    .codec = static_cast<std::uint16_t>(leaf.cid.codec)};
  content::Multihash hash = leaf.cid.hash;
  if (hash.digest.size() > sizeof(record.digest)) {
    IA_ASSIGN(hash, content::hash(content::HashFunction::kSha2_256, hash.digest));
  }
  record.function = static_cast<std::uint16_t>(hash.function);
  record.digest_length = static_cast<std::uint16_t>(hash.digest.size());
  std::memcpy(record.digest, hash.digest.data(), hash.digest.size());
  return record;
}

Result<> write_whole(const fs::path& path, ByteView bytes) {
  IA_ASSIGN(File file, File::open(path, O_WRONLY | O_CREAT | O_TRUNC));
  IA_TRY(file.write_at(0, bytes));
  return file.sync();
}

std::string reference_text(const Reference& reference) {
  const FileState& s = reference.state;
  return std::format("{} {} {} {}\n{}", s.size, s.mtime_ns, s.inode, s.device, reference.path.string());
}

std::size_t bitmap_bytes(std::size_t leaves) { return (leaves + 7) / 8; }

}  // namespace

FileState state_of(const struct stat& status) {
  return {.size = static_cast<std::uint64_t>(status.st_size),
          .mtime_ns = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec,
          .inode = status.st_ino,
          .device = status.st_dev};
}

Result<> FileEntry::write(const fs::path& folder, const content::FileLayout& layout, bool complete,
                          const Reference* reference) {
  Header header{.count = layout.leaves.size(), .file_size = layout.size};
  const Bytes cid = layout.root.to_bytes();
  if (cid.size() > kMaxCidBytes) return fail(ErrorCode::kInvalidArgument, "CID {} is too long", layout.root.text());
  std::memcpy(header.magic, kMagic, sizeof(kMagic));
  std::memcpy(header.cid, cid.data(), cid.size());
  header.cid_length = cid.size();
  Bytes table;
  table.reserve(sizeof(header) + layout.leaves.size() * sizeof(LeafRecord));
  append(table, &header, sizeof(header));
  for (const content::Leaf& leaf : layout.leaves) {
    IA_ASSIGN(const LeafRecord record, record_of(leaf));
    append(table, &record, sizeof(record));
  }
  IA_TRY(write_whole(folder / "table", table));
  if (reference) IA_TRY(write_whole(folder / "reference", as_bytes(reference_text(*reference))));
  return write_whole(folder / "bitmap", Bytes(bitmap_bytes(layout.leaves.size()), complete ? 0xff : 0));
}

Result<std::shared_ptr<FileEntry>> FileEntry::load(const fs::path& folder, bool writable) {
  auto entry = std::make_shared<FileEntry>();
  entry->folder_ = folder;
  entry->writable_ = writable;
  IA_TRY(entry->load_table());
  IA_TRY(entry->load_reference());
  IA_TRY(entry->load_bitmap());
  return entry;
}

Result<> FileEntry::load_table() {
  const fs::path path = folder_ / "table";
  IA_ASSIGN(const File file, File::open(path, O_RDONLY));
  IA_ASSIGN(const std::uint64_t size, file.size());
  if (size < sizeof(Header)) return corrupt(path, "too short");
  IA_ASSIGN(table_, Mapping::of_file(file, size));
  Header header;
  std::memcpy(&header, table_.bytes().data(), sizeof(header));
  const bool sane = std::memcmp(header.magic, kMagic, sizeof(kMagic)) == 0 && header.cid_length <= kMaxCidBytes &&
                    header.count <= content::kMaxFileLeaves &&
                    size == sizeof(header) + header.count * sizeof(LeafRecord);
  if (!sane) return corrupt(path, "no leaf table");
  auto root = content::Cid::from_bytes({header.cid, static_cast<std::size_t>(header.cid_length)});
  if (!root) return corrupt(path, root.error().message);
  root_ = *std::move(root);
  size_ = header.file_size;
  leaves_ = {reinterpret_cast<const LeafRecord*>(table_.bytes().data() + sizeof(header)),
             static_cast<std::size_t>(header.count)};
  for (const LeafRecord& leaf : leaves_) {
    const bool inside = leaf.offset <= size_ && leaf.length <= size_ - leaf.offset &&
                        leaf.length <= content::kMaxBlockBytes && leaf.digest_length <= sizeof(leaf.digest) &&
                        leaf.kind <= static_cast<std::uint8_t>(content::LeafKind::kEmbedded);
    if (!inside) return corrupt(path, "a leaf lies outside the file");
  }
  return {};
}

Result<> FileEntry::load_reference() {
  const auto text = read_file(folder_ / "reference", 1u << 16);
  if (!text) {
    if (text.error().code == ErrorCode::kNotFound) return {};
    return std::unexpected(text.error());
  }
  Reference reference;
  FileState& s = reference.state;
  const char* at = reinterpret_cast<const char*>(text->data());
  const char* const end = at + text->size();
  const auto number = [&](auto& value) {
    const auto parsed = std::from_chars(at, end, value);
    const bool ok = parsed.ec == std::errc{} && parsed.ptr < end;
    at = ok ? parsed.ptr + 1 : end;
    return ok;
  };
  if (!number(s.size) || !number(s.mtime_ns) || !number(s.inode) || !number(s.device) || at == end) {
    return corrupt(folder_ / "reference", "cannot be read");
  }
  reference.path = std::string(at, end);
  reference_ = std::move(reference);
  return {};
}

Result<> FileEntry::load_bitmap() {
  IA_ASSIGN(bitmap_, read_file(folder_ / "bitmap", bitmap_bytes(content::kMaxFileLeaves)));
  bitmap_.resize(bitmap_bytes(leaves_.size()));
  return {};
}

content::Cid FileEntry::leaf_cid(std::size_t index) const {
  const LeafRecord& leaf = leaves_[index];
  content::Cid cid{.version = leaf.version, .codec = static_cast<content::Codec>(leaf.codec)};
  cid.hash = {static_cast<content::HashFunction>(leaf.function), Bytes(leaf.digest, leaf.digest + leaf.digest_length)};
  return cid;
}

bool FileEntry::has(std::size_t index) const {
  const std::scoped_lock lock(mutex_);
  return bitmap_[index / 8] >> (index % 8) & 1;
}

std::size_t FileEntry::present() const {
  std::size_t count = 0;
  for (std::size_t i = 0; i < leaves_.size(); ++i) count += has(i);
  return count;
}

std::uint64_t FileEntry::present_bytes() const {
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < leaves_.size(); ++i) bytes += has(i) ? leaves_[i].length : 0;
  return bytes;
}

Result<> FileEntry::open_data(bool create) {
  if (data_) return {};
  const bool write = writable_ && !reference_;
  IA_ASSIGN(data_, File::open(data_path(), write ? (create ? O_RDWR | O_CREAT : O_RDWR) : O_RDONLY));
  if (create) IA_TRY(data_.resize(size_));
  return {};
}

Result<Bytes> FileEntry::read(std::size_t index) const {
  if (!has(index)) return fail(ErrorCode::kNotFound, "block {} is not in the store", leaf_cid(index).text());
  const LeafRecord& leaf = leaves_[index];
  {
    const std::scoped_lock lock(mutex_);
    if (!data_) IA_TRY(const_cast<FileEntry*>(this)->open_data(false));
  }
  Bytes bytes(leaf.length);
  IA_TRY(data_.read_exact(leaf.offset, bytes));
  return bytes;
}

Result<> FileEntry::put(std::size_t index, ByteView content) {
  const LeafRecord& leaf = leaves_[index];
  if (content.size() != leaf.length) {
    return fail(ErrorCode::kMalformedBlock, "leaf {} has {} bytes, its parent says {}", leaf_cid(index).text(),
                content.size(), leaf.length);
  }
  {
    const std::scoped_lock lock(mutex_);
    IA_TRY(open_data(true));
  }
  IA_TRY(data_.write_at(leaf.offset, content));
  const std::scoped_lock lock(mutex_);
  bitmap_[index / 8] |= 1u << (index % 8);
  dirty_ = true;
  return {};
}

void FileEntry::forget(std::size_t index) {
  const std::scoped_lock lock(mutex_);
  bitmap_[index / 8] &= static_cast<std::uint8_t>(~(1u << (index % 8)));
  dirty_ = true;
}

Result<> FileEntry::flush() {
  Bytes bitmap;
  {
    const std::scoped_lock lock(mutex_);
    if (!dirty_) return {};
    dirty_ = false;
    bitmap = bitmap_;  // bits set after this wait for the next flush: their data may not be synced yet
  }
  if (data_) IA_TRY(data_.sync());
  IA_ASSIGN(File file, File::open(folder_ / "bitmap", O_WRONLY));
  IA_TRY(file.write_at(0, bitmap));
  return file.sync();
}

Result<bool> FileEntry::reference_unchanged() const {
  struct stat status;
  if (::stat(reference_->path.c_str(), &status) != 0) return os_error("looking at referenced file", reference_->path);
  return state_of(status) == reference_->state;
}

Result<> FileEntry::accept_reference(const FileState& state) {
  reference_->state = state;
  if (!writable_) return {};
  return replace_file(folder_ / "reference", as_bytes(reference_text(*reference_)));
}

}  // namespace ipfs_accelerate::store
