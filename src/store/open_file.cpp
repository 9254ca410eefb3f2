// Verification on first view, in parallel when a view covers many leaves.
#include "store/open_file.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <thread>

#include "content/hash.h"
#include "content/unixfs.h"
#include "store/store_impl.h"

namespace ipfs_accelerate::store {
namespace {

Result<> check_range(std::uint64_t offset, std::uint64_t length, std::uint64_t size) {
  if (offset <= size && length <= size - offset) return {};
  return fail(ErrorCode::kLimitExceeded, "bytes {} to {} of a file of {} bytes", offset, offset + length, size);
}

// Leaves that share a byte with the range: [first, last).
std::pair<std::size_t, std::size_t> leaves_in(const FileLayout& layout, std::uint64_t offset, std::uint64_t length) {
  if (length == 0) return {0, 0};
  const auto first = std::ranges::upper_bound(layout.leaves, offset, {}, &content::Leaf::offset);
  const auto last = std::ranges::lower_bound(layout.leaves, offset + length, {}, &content::Leaf::offset);
  return {static_cast<std::size_t>(first - layout.leaves.begin()) - 1,
          static_cast<std::size_t>(last - layout.leaves.begin())};
}

class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(Bytes bytes) : bytes_(std::move(bytes)) {}
  std::uint64_t size() const override { return bytes_.size(); }
  Result<ByteView> view(std::uint64_t offset, std::uint64_t length) override {
    IA_TRY(check_range(offset, length, bytes_.size()));
    return ByteView(bytes_).subspan(offset, length);
  }

 private:
  Bytes bytes_;
};

// What both mapped kinds share: which leaves were made ready in this process.
class LeafSource : public ByteSource {
 public:
  explicit LeafSource(FileLayout layout) : layout_(std::move(layout)), ready_(layout_.leaves.size()) {}
  std::uint64_t size() const override { return layout_.size; }

 protected:
  virtual Result<> prepare(std::size_t leaf) = 0;

  Result<> prepare_range(std::uint64_t offset, std::uint64_t length) {
    const auto [first, last] = leaves_in(layout_, offset, length);
    std::vector<std::size_t> missing;
    for (std::size_t i = first; i < last; ++i) {
      if (!ready_[i].load(std::memory_order_acquire)) missing.push_back(i);
    }
    return parallel(missing.size(), [&](std::size_t i) -> Result<> {
      IA_TRY(prepare(missing[i]));
      ready_[missing[i]].store(true, std::memory_order_release);
      return {};
    });
  }

  void forget() {
    for (auto& ready : ready_) ready.store(false);
  }

  FileLayout layout_;

 private:
  std::vector<std::atomic<bool>> ready_;
};

class EntrySource final : public LeafSource {
 public:
  EntrySource(std::shared_ptr<FileEntry> entry, FileLayout layout, content::BlockGetter get)
      : LeafSource(std::move(layout)), entry_(std::move(entry)), get_(std::move(get)) {}

  Result<> open() {
    auto file = File::open(entry_->data_path(), O_RDONLY);
    if (!file) return while_doing(std::move(file).error(), "opening the content of {}", layout_.root.text());
    file_ = *std::move(file);
    IA_ASSIGN(const struct stat status, file_.status());
    state_ = state_of(status);
    IA_TRY(check_size());
    IA_ASSIGN(mapping_, Mapping::of_file(file_, layout_.size));
    if (!entry_->reference() || entry_->reference()->state == state_) return {};
    // Touched since it was added: all of it is compared now, so that a changed file is known before it is used.
    IA_TRY(prepare_range(0, layout_.size));
    return entry_->accept_reference(state_);
  }

  Result<ByteView> view(std::uint64_t offset, std::uint64_t length) override {
    IA_TRY(check_range(offset, length, layout_.size));
    if (entry_->reference()) IA_TRY(check_unchanged());
    IA_TRY(prepare_range(offset, length));
    return mapping_.bytes().subspan(offset, length);
  }

 protected:
  Result<> prepare(std::size_t index) override {
    const content::Leaf& leaf = layout_.leaves[index];
    if (!entry_->has(index)) {
      return fail(ErrorCode::kNotFound, "bytes {} to {} of {} (leaf {}) are not in the store; fetch it", leaf.offset,
                  leaf.offset + leaf.length, layout_.root.text(), leaf.cid.text());
    }
    return check_leaf(leaf, mapping_.bytes().subspan(leaf.offset, leaf.length), file_.path(), get_);
  }

 private:
  Result<> check_size() const {
    const bool right = entry_->reference() ? state_.size == layout_.size : state_.size >= layout_.size;
    if (right) return {};
    return fail(ErrorCode::kIntegrity, "file {} has {} bytes, {} has {}; the file was changed: add or fetch it again",
                file_.path().string(), state_.size, layout_.root.text(), layout_.size);
  }

  Result<> check_unchanged() {
    const std::scoped_lock guard(mutex_);
    IA_ASSIGN(const struct stat status, file_.status());
    const FileState now = state_of(status);
    if (now == state_) return {};
    state_ = now;
    forget();
    return check_size();
  }

  std::shared_ptr<FileEntry> entry_;
  content::BlockGetter get_;
  File file_;
  Mapping mapping_;
  std::mutex mutex_;
  FileState state_;
};

class AssembledSource final : public LeafSource {
 public:
  AssembledSource(FileLayout layout, content::BlockGetter get) : LeafSource(std::move(layout)), get_(std::move(get)) {}

  Result<> open() {
    IA_ASSIGN(memory_, Mapping::of_memory(layout_.size));
    return {};
  }

  Result<ByteView> view(std::uint64_t offset, std::uint64_t length) override {
    IA_TRY(check_range(offset, length, layout_.size));
    const std::scoped_lock guard(mutex_);  // a leaf is written once
    IA_TRY(prepare_range(offset, length));
    return memory_.bytes().subspan(offset, length);
  }

 protected:
  Result<> prepare(std::size_t index) override {
    const content::Leaf& leaf = layout_.leaves[index];
    IA_ASSIGN(const Block block, get_(leaf.cid));
    IA_ASSIGN(const Bytes content, leaf_content(block.verified()));
    if (content.size() != leaf.length) {
      return fail(ErrorCode::kMalformedBlock, "leaf {} has {} bytes, its parent says {}", leaf.cid.text(),
                  content.size(), leaf.length);
    }
    std::ranges::copy(content, memory_.writable() + leaf.offset);
    return {};
  }

 private:
  content::BlockGetter get_;
  Mapping memory_;
  std::mutex mutex_;
};

}  // namespace

Result<> parallel(std::size_t count, const std::function<Result<>(std::size_t)>& task) {
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::optional<Error> first;
  const auto work = [&] {
    for (std::size_t i; (i = next++) < count;) {
      auto done = task(i);
      if (done) continue;
      next = count;
      const std::scoped_lock guard(mutex);
      if (!first) first = std::move(done).error();
    }
  };
  {
    const std::size_t cores = std::max(1u, std::thread::hardware_concurrency());
    std::vector<std::jthread> helpers;
    for (std::size_t i = 1; i < std::min(cores, count / 2); ++i) helpers.emplace_back(work);
    work();
  }
  if (first) return std::unexpected(*std::move(first));
  return {};
}

Result<> check_leaf(const content::Leaf& leaf, ByteView content, const fs::path& file,
                    const content::BlockGetter& get) {
  Result<> match;
  if (leaf.kind == LeafKind::kEmbedded) {
    IA_ASSIGN(const Block block, get(leaf.cid));
    IA_ASSIGN(const Bytes expected, leaf_content(block.verified()));
    if (!std::ranges::equal(expected, content))
      match = fail(ErrorCode::kIntegrity, "the bytes differ from the block's");
  } else {
    content::LeafEnvelope envelope;
    if (leaf.kind == LeafKind::kWrapped) envelope = content::leaf_envelope(leaf.length);
    const std::array<ByteView, 3> parts{envelope.before, content, envelope.after};
    match = content::check_hash(leaf.cid.hash, parts);
  }
  if (match) return {};
  return fail(match.error().code, "file {}, offset {}: leaf {} is damaged: {}", file.string(), leaf.offset,
              leaf.cid.text(), match.error().message);
}

Result<std::shared_ptr<ByteSource>> open_entry(std::shared_ptr<FileEntry> entry, FileLayout layout,
                                               content::BlockGetter get) {
  auto source = std::make_shared<EntrySource>(std::move(entry), std::move(layout), std::move(get));
  IA_TRY(source->open());
  return source;
}

std::shared_ptr<ByteSource> memory_source(Bytes bytes) { return std::make_shared<MemorySource>(std::move(bytes)); }

Result<std::shared_ptr<ByteSource>> assembled_source(FileLayout layout, content::BlockGetter get) {
  auto source = std::make_shared<AssembledSource>(std::move(layout), std::move(get));
  IA_TRY(source->open());
  return source;
}

}  // namespace ipfs_accelerate::store
