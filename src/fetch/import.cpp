// Folders by address and on a disk: what is read of them, and where their blocks are found afterwards.
#include "fetch/import.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <unordered_map>

#include "fetch/disk_folder.h"
#include "fetch/folder_builder.h"

namespace ipfs_accelerate::fetch {
namespace {

constexpr std::uint64_t kMostFileBytes = std::uint64_t{1} << 40;
constexpr std::uint64_t kMostUnstatedBytes = std::uint64_t{2} << 30;  // of a server that could go on for ever
constexpr std::uint64_t kMostIndexBytes = 64u << 20;                  // and of every other file that holds no weights

/// [offset, offset + length) of host bytes that can be addressed, kept alive with them.
class SliceBytes final : public HostBytes {
 public:
  SliceBytes(HostBytesRef whole, std::uint64_t offset, std::uint64_t length)
      : whole_(std::move(whole)), offset_(offset), length_(length) {}
  std::uint64_t size() const override { return length_; }
  const std::uint8_t* data() const override { return whole_->data() + offset_; }
  void copy(std::uint64_t offset, std::span<std::uint8_t> into) const override { whole_->copy(offset_ + offset, into); }

 private:
  HostBytesRef whole_;
  std::uint64_t offset_, length_;
};

HostBytesRef slice(const HostBytesRef& whole, std::uint64_t offset, std::uint64_t length) {
  if (offset == 0 && length == whole->size()) return whole;
  if (whole->data() != nullptr) return std::make_shared<SliceBytes>(whole, offset, length);
  Bytes bytes(static_cast<std::size_t>(length));
  whole->copy(offset, bytes);
  return own_bytes(std::move(bytes));
}

// Some servers answer with a page instead of 404.
bool is_page(const HostBytesRef& bytes, const std::string& path) {
  std::string start(static_cast<std::size_t>(std::min<std::uint64_t>(bytes->size(), 64)), '\0');
  bytes->copy(0, {reinterpret_cast<std::uint8_t*>(start.data()), start.size()});
  start.erase(0, start.find_first_not_of(" \t\r\n\xef\xbb\xbf"));
  std::ranges::transform(start, start.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return !path.ends_with(".html") && (start.starts_with("<!doctype html") || start.starts_with("<html"));
}

std::string escaped(std::string_view path) {
  std::string url;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = std::isalnum(byte) || std::string_view("/-._~").contains(c);
    url += plain ? std::string(1, c) : std::format("%{:02X}", byte);
  }
  return url;
}

/// The blocks that the builders made go to the keep; for those of files without leaves of their own that is all.
Async<> keep_blocks(Fetcher& fetcher, const FolderBuilder& builder) {
  for (const auto& [cid, bytes] : builder.blocks()) {
    co_await fetcher.add(co_await fetcher.verify(cid, bytes));
  }
}

class UrlImport {
 public:
  UrlImport(host::Host& host, Fetcher& fetcher, std::string url, WantedFiles wanted, Stop stop)
      : host_(host),
        fetcher_(fetcher),
        base_(std::move(url)),
        wanted_(std::move(wanted)),
        stop_(std::move(stop)),
        builder_(host) {
    if (!base_.ends_with('/')) base_ += '/';
  }

  Async<Cid> run() {
    const std::vector<std::string>& small = wanted_.small;
    for (const std::string& path : small) co_await take(path);
    if (taken_.empty()) {
      std::string names;
      for (std::size_t i = 0; i < std::min<std::size_t>(small.size(), 3); ++i) names += (i ? ", " : "") + small[i];
      co_await fail(ErrorCode::kNotFound, "{} has none of a model's files ({} ...)", base_, names);
    }
    if (!co_await take(wanted_.whole)) co_await take_listed();
    const Cid root = co_await builder_.finish();
    co_await keep_blocks(fetcher_, builder_);
    co_return root;
  }

 private:
  // The file's bytes, or nothing when the server has none.
  Async<HostBytesRef> get(std::string path) {
    const std::string url = base_ + escaped(path);
    const bool holds_weights = path.ends_with(".safetensors");
    const host::NetAnswer answer =
        co_await host_.net.get({.url = url,
                                .accept = {},
                                .max_bytes = holds_weights ? kMostFileBytes : kMostIndexBytes,
                                .max_unstated = kMostUnstatedBytes,
                                .stall_seconds = fetcher_.options().stall_seconds,
                                .allow_local = fetcher_.options().allow_local,
                                .revalidate = true,
                                .follow_redirects = true},
                               stop_);
    if (answer.status == 404 || answer.status == 410) co_return HostBytesRef();
    if (answer.status != 200) co_await fail(ErrorCode::kSourceError, "{} answered {}", url, answer.status);
    co_return is_page(answer.body, path) ? HostBytesRef() : answer.body;
  }

  Async<> add(std::string path, HostBytesRef bytes) {
    const ReadPart read = [bytes](std::uint64_t offset, std::uint64_t length) -> Async<HostBytesRef> {
      return part(bytes, offset, length);
    };
    const TakeLeaf keep = [this](content::VerifiedBytes leaf, std::uint64_t) { return fetcher_.add(std::move(leaf)); };
    co_await builder_.add_file(path, bytes->size(), read, keep, stop_);
    taken_.insert(std::move(path));
  }
  static Async<HostBytesRef> part(HostBytesRef whole, std::uint64_t offset, std::uint64_t length) {
    co_return slice(whole, offset, length);
  }

  Async<bool> take(std::string path) {
    if (taken_.contains(path)) co_return true;
    HostBytesRef bytes = co_await get(path);
    if (!bytes) co_return false;
    co_await add(std::move(path), std::move(bytes));
    co_return true;
  }

  Async<> take_listed() {
    const HostBytesRef index = co_await get(wanted_.index);
    if (!index) co_return;
    if (index->size() > kMostIndexBytes) {
      co_await fail(ErrorCode::kLimitExceeded, "{} has {} bytes, at most {}", wanted_.index, index->size(),
                    kMostIndexBytes);
    }
    const BytesView bytes(index, 0, index->size());
    const std::vector<std::string> names = co_await wanted_.listed(as_text(bytes.view()));
    if (!taken_.contains(wanted_.index)) co_await add(wanted_.index, index);
    for (const std::string& name : names) co_await take(name);
  }

  host::Host& host_;
  Fetcher& fetcher_;
  std::string base_;
  WantedFiles wanted_;
  Stop stop_;
  FolderBuilder builder_;
  std::set<std::string> taken_;
};

/// Where the blocks of an imported folder lie: in its files, or in memory those that the builders made.
class DiskBlocks final : public LocalBlocks {
 public:
  DiskBlocks(host::Files& files, std::string folder) : files_(files), folder_(std::move(folder)) {}
  void add(const Cid& cid, std::string path, std::uint64_t offset, std::uint64_t length) {
    places_.insert_or_assign(cid.key(), Place{std::move(path), offset, length, nullptr});
  }
  void add(const Cid& cid, HostBytesRef bytes) {
    places_.insert_or_assign(cid.key(), Place{{}, 0, 0, std::move(bytes)});
  }

  Async<HostBytesRef> read(Cid cid) override {
    const auto found = places_.find(cid.key());
    if (found == places_.end()) co_return HostBytesRef();
    if (found->second.bytes) co_return found->second.bytes;
    const Place place = found->second;
    co_return co_await files_.read(folder_, place.path, place.offset, place.length);
  }

 private:
  struct Place {
    std::string path;
    std::uint64_t offset, length;
    HostBytesRef bytes;
  };
  host::Files& files_;
  std::string folder_;
  std::unordered_map<std::string, Place> places_;
};

Async<> add_item(host::Files& files, FolderBuilder& builder, DiskBlocks& blocks, std::string folder, DiskItem item,
                 Stop stop) {
  if (item.is_folder) {
    co_await builder.add_folder(item.path);
    co_return;
  }
  const ReadPart read = [&](std::uint64_t offset, std::uint64_t length) {
    return files.read(folder, item.path, offset, length);
  };
  const TakeLeaf take = [&](content::VerifiedBytes leaf, std::uint64_t offset) -> Async<> {
    blocks.add(leaf.cid(), item.path, offset, leaf.bytes()->size());
    co_return;
  };
  co_await builder.add_file(item.path, item.size, read, take, stop);
}

}  // namespace

Async<Cid> import_url_folder(host::Host& host, Fetcher& fetcher, std::string url, WantedFiles wanted, Stop stop) {
  UrlImport import(host, fetcher, std::move(url), std::move(wanted), std::move(stop));
  co_return co_await import.run();
}

Async<Cid> import_disk_folder(host::Host& host, Fetcher& fetcher, std::string folder, Stop stop) {
  if (host.files == nullptr) co_await fail(ErrorCode::kNotFound, "{}: folders cannot be read here", folder);
  FolderBuilder builder(host);
  const auto blocks = std::make_shared<DiskBlocks>(*host.files, folder);
  // A wrong folder may be somebody's whole disk.
  const host::Files::Listing top = co_await host.files->list(folder);
  if (!std::ranges::contains(top.items, "config.json", &host::Files::Item::name)) {
    co_await fail(ErrorCode::kNotFound, "the folder {} is no model: it has no config.json", folder);
  }
  const std::vector<DiskItem> items = co_await walk_disk_folder(*host.files, folder, stop);
  for (const DiskItem& item : items) {
    co_await stop.check();
    co_await add_item(*host.files, builder, *blocks, folder, item, stop);
  }
  const Cid root = co_await builder.finish();
  for (const auto& [cid, bytes] : builder.blocks()) blocks->add(cid, bytes);
  fetcher.add_local(blocks);
  co_return root;
}

}  // namespace ipfs_accelerate::fetch
