// Appending, indexing, recovering and compacting the pack.
#include "store/pack.h"

#include <fcntl.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

#include "content/hash.h"

namespace ipfs_accelerate::store {
namespace {

static_assert(std::endian::native == std::endian::little, "the store's files are little endian");

constexpr std::uint32_t kMagic = 0x31424149;  // "IAB1"
constexpr std::size_t kBufferBytes = 4u << 20;
constexpr std::size_t kAlign = 16;

// Stands before each block's bytes, and (with the offset of those bytes) in the index.
struct Record {
  std::uint32_t magic = kMagic;
  std::uint32_t length = 0;
  std::uint16_t function = 0;
  std::uint16_t digest_length = 0;
  std::uint32_t reserved = 0;
  std::uint8_t digest[64] = {};
};
struct IndexEntry {
  std::uint64_t offset = 0;
  Record record;
};
static_assert(sizeof(Record) == 80 && sizeof(IndexEntry) == 88);

template <class T>
ByteView bytes_of(const T& value) {
  return {reinterpret_cast<const std::uint8_t*>(&value), sizeof(value)};
}

std::uint64_t padded(std::uint64_t length) { return (length + kAlign - 1) / kAlign * kAlign; }

Result<content::Cid> cid_of(const Record& record) {
  const bool sane = record.magic == kMagic && record.length <= content::kMaxBlockBytes && record.digest_length <= 64;
  if (!sane) return fail(ErrorCode::kStoreCorrupt, "no block record");
  IA_TRY(content::check_digest(record.function, record.digest_length));
  content::Cid cid;
  cid.hash = {static_cast<content::HashFunction>(record.function),
              Bytes(record.digest, record.digest + record.digest_length)};
  return cid;
}

Record record_of(const content::VerifiedBlock& block) {
  const auto& hash = block.cid().hash;
  Record record{.length = static_cast<std::uint32_t>(block.bytes().size()),
                .function = static_cast<std::uint16_t>(hash.function),
                .digest_length = static_cast<std::uint16_t>(hash.digest.size())};
  std::memcpy(record.digest, hash.digest.data(), hash.digest.size());
  return record;
}

void append(Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

}  // namespace

Result<Pack> Pack::open(const fs::path& folder, bool writable) {
  Pack pack;
  pack.folder_ = folder;
  pack.writable_ = writable;
  IA_TRY(pack.load());
  return pack;
}

Result<> Pack::load() {
  index_.clear();
  bytes_ = indexed_end_ = index_size_ = written_ = 0;
  generation_ = 0;
  auto current = read_file(folder_ / "current", 32);
  if (!current && current.error().code != ErrorCode::kNotFound) return std::unexpected(current.error());
  if (current) {
    const auto text = as_text(*current);
    if (std::from_chars(text.data(), text.data() + text.size(), generation_).ec != std::errc{}) {
      return fail(ErrorCode::kStoreCorrupt, "{} is no number", (folder_ / "current").string());
    }
  }
  const int flags = writable_ ? O_RDWR | O_CREAT : O_RDONLY;
  IA_ASSIGN(blocks_, File::open(folder_ / std::format("{}.blocks", generation_), flags));
  IA_ASSIGN(index_file_, File::open(folder_ / std::format("{}.index", generation_), flags));
  IA_TRY(load_index());
  if (writable_) IA_TRY(recover_tail());
  return {};
}

void Pack::add(std::string key, Place place) {
  forget(key);  // of two records the later one counts: the first may have been damaged
  bytes_ += place.length;
  index_.emplace(std::move(key), place);
}

void Pack::forget(const std::string& key) {
  const auto found = index_.find(key);
  if (found == index_.end()) return;
  bytes_ -= found->second.length;
  index_.erase(found);
}

// Reads what the index file has grown by. Entries that cannot be right are left out: their blocks are not here.
Result<> Pack::load_index() {
  IA_ASSIGN(const std::uint64_t size, index_file_.size());
  IA_ASSIGN(written_, blocks_.size());
  const std::uint64_t entries = (size - std::min(size, index_size_)) / sizeof(IndexEntry);
  std::vector<IndexEntry> read(entries);
  IA_TRY(index_file_.read_exact(index_size_, {reinterpret_cast<std::uint8_t*>(read.data()),
                                              static_cast<std::size_t>(entries * sizeof(IndexEntry))}));
  for (const IndexEntry& entry : read) {
    const auto cid = cid_of(entry.record);
    if (!cid || entry.offset > written_ || entry.record.length > written_ - entry.offset) continue;
    add(cid->key(), {entry.offset, entry.record.length});
    indexed_end_ = std::max(indexed_end_, entry.offset + padded(entry.record.length));
  }
  index_size_ += entries * sizeof(IndexEntry);
  return {};
}

// A whole, matching record at `at` joins the index; returns its end.
Result<std::optional<std::uint64_t>> Pack::recover_record(std::uint64_t at, std::uint64_t end) {
  Record record;
  if (end - at < sizeof(record)) return std::nullopt;
  IA_TRY(blocks_.read_exact(at, {reinterpret_cast<std::uint8_t*>(&record), sizeof(record)}));
  const auto cid = cid_of(record);
  const std::uint64_t offset = at + sizeof(record);
  if (!cid || padded(record.length) > end - offset) return std::nullopt;
  Bytes bytes(record.length);
  IA_TRY(blocks_.read_exact(offset, bytes));
  if (!content::verify(*cid, bytes)) return std::nullopt;
  add(cid->key(), {offset, record.length});
  append(index_buffer_, bytes_of(IndexEntry{offset, record}));
  return offset + padded(record.length);
}

Result<> Pack::recover_tail() {
  IA_TRY(index_file_.resize(index_size_));  // a torn entry
  std::uint64_t at = std::min(indexed_end_, written_);
  while (true) {
    IA_ASSIGN(const auto next, recover_record(at, written_));
    if (!next) break;
    at = *next;
  }
  if (at < written_) IA_TRY(blocks_.resize(at));
  written_ = at;
  return flush();
}

std::optional<std::uint32_t> Pack::length(const std::string& key) const {
  const auto found = index_.find(key);
  if (found == index_.end()) return std::nullopt;
  return found->second.length;
}

Result<content::Block> Pack::get(const content::Cid& cid) const {
  const auto found = index_.find(cid.key());
  if (found == index_.end()) return fail(ErrorCode::kNotFound, "block {} is not in the store", cid.text());
  const Place place = found->second;
  Bytes bytes(place.length);
  if (place.offset >= written_) {
    std::copy_n(buffer_.begin() + static_cast<std::ptrdiff_t>(place.offset - written_), place.length, bytes.begin());
  } else {
    IA_TRY(blocks_.read_exact(place.offset, bytes));
  }
  auto block = content::Block::make(cid, std::move(bytes));
  if (!block) {
    return while_doing(std::move(block).error(), "reading {} at offset {}", blocks_.path().string(), place.offset);
  }
  return block;
}

Result<bool> Pack::put(const content::VerifiedBlock& block) {
  std::string key = block.cid().key();
  if (index_.contains(key)) return false;
  const Record record = record_of(block);
  const std::uint64_t offset = written_ + buffer_.size() + sizeof(Record);
  append(buffer_, bytes_of(record));
  append(buffer_, block.bytes());
  buffer_.resize(padded(buffer_.size()));
  append(index_buffer_, bytes_of(IndexEntry{offset, record}));
  add(std::move(key), {offset, record.length});
  if (buffer_.size() >= kBufferBytes) IA_TRY(write_buffer());
  return true;
}

Result<> Pack::write_buffer() {
  IA_TRY(blocks_.write_at(written_, buffer_));
  written_ += buffer_.size();
  buffer_.clear();
  return {};
}

Result<> Pack::flush() {
  if (index_buffer_.empty()) return {};
  IA_TRY(write_buffer());
  IA_TRY(blocks_.sync());
  IA_TRY(index_file_.write_at(index_size_, index_buffer_));
  IA_TRY(index_file_.sync());
  index_size_ += index_buffer_.size();
  indexed_end_ = written_;
  index_buffer_.clear();
  return {};
}

Result<bool> Pack::refresh() {
  if (writable_) return false;
  auto current = read_file(folder_ / "current", 32);
  if (current && as_text(*current) != std::to_string(generation_)) {
    IA_TRY(load());
    return true;
  }
  const std::uint64_t before = index_size_;
  IA_TRY(load_index());
  return index_size_ != before;
}

Result<std::uint64_t> Pack::keep(const std::function<bool(const std::string& key)>& wanted, std::uint64_t& dropped) {
  IA_TRY(flush());
  std::vector<std::pair<const std::string*, Place>> kept;
  for (const auto& [key, place] : index_) {
    if (wanted(key)) kept.emplace_back(&key, place);
  }
  dropped = index_.size() - kept.size();
  if (dropped == 0) return 0;
  std::ranges::sort(kept, {}, [](const auto& item) { return item.second.offset; });

  Pack fresh;
  fresh.writable_ = true;
  fresh.folder_ = folder_;
  fresh.generation_ = generation_ + 1;
  constexpr int kFlags = O_RDWR | O_CREAT | O_TRUNC;
  IA_ASSIGN(fresh.blocks_, File::open(folder_ / std::format("{}.blocks", fresh.generation_), kFlags));
  IA_ASSIGN(fresh.index_file_, File::open(folder_ / std::format("{}.index", fresh.generation_), kFlags));
  for (const auto& [key, place] : kept) {
    Record record;
    IA_TRY(
        blocks_.read_exact(place.offset - sizeof(record), {reinterpret_cast<std::uint8_t*>(&record), sizeof(record)}));
    IA_ASSIGN(const content::Cid cid, cid_of(record));
    IA_ASSIGN(const content::Block block, get(cid));
    IA_TRY(fresh.put(block.verified()));
  }
  IA_TRY(fresh.flush());
  IA_TRY(sync_folder(folder_));
  IA_TRY(replace_file(folder_ / "current", as_bytes(std::to_string(fresh.generation_))));
  std::error_code ignored;  // leftovers cost room, nothing else
  fs::remove(blocks_.path(), ignored);
  fs::remove(index_file_.path(), ignored);
  const std::uint64_t freed = bytes_ - fresh.bytes_;
  *this = std::move(fresh);
  return freed;
}

}  // namespace ipfs_accelerate::store
