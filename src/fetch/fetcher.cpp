// The fetcher's calls: blocks, paths, files, whole DAGs.
#include <algorithm>

#include "fetch/impl.h"

namespace ipfs_accelerate::fetch {
namespace {

using content::Codec;

/// One fetch of everything below a root: folders and single blocks first, then files with leaves of their own.
class DagFetch {
 public:
  using Progress = std::function<void(std::uint64_t, std::uint64_t)>;
  DagFetch(Fetcher& fetcher, Fetcher::Impl& impl, Cid root, Progress progress, Stop stop)
      : fetcher_(fetcher),
        impl_(impl),
        walk_(root),
        root_(std::move(root)),
        progress_(std::move(progress)),
        stop_(stop) {}

  /// What is fetched to be kept is not fetched where it cannot be.
  Result<> check_room() const {
    if (!impl_.figures.quota_exceeded) return {};
    return fail(ErrorCode::kQuotaExceeded, "there is no room to keep {}; free some space and try again", root_.text());
  }

  Async<> run() {
    for (std::vector<Cid> wanted = walk_.needs(); !wanted.empty(); wanted = walk_.needs()) {
      co_await for_each_limited(wanted.size(), kInFlight, [&](std::size_t i) { return node(wanted[i]); });
    }
    for (const Cid& cid : files_) co_await file(cid);
  }

 private:
  Async<> node(Cid cid) {
    const auto blocks = co_await impl_.get({cid}, nullptr, stop_);
    co_await check_room();
    moved(blocks[0].bytes()->size());
    co_await with_block(blocks[0], [&](const VerifiedBlock& block) { return take(block); });
  }

  Result<> take(const VerifiedBlock& block) {
    if (block.cid().codec != Codec::kDagPb) {
      walk_.pass(block.cid());
      return {};
    }
    const auto node = content::decode_unixfs(block);
    if (block.cid() == root_ && node) {  // what the top says of itself is good enough for a progress bar
      for (const auto& link : node->links) {
        if (__builtin_add_overflow(total_, link.tsize, &total_)) total_ = 0;
      }
    }
    const bool is_file = node && (node->type == content::UnixFsType::kFile || node->type == content::UnixFsType::kRaw);
    const bool has_leaves = is_file && !node->links.empty();
    if (has_leaves) files_.push_back(block.cid());
    return walk_.give(block, !has_leaves);
  }

  Async<> file(Cid cid) {
    const File file = co_await fetcher_.open_file(cid, cid.text(), stop_);
    std::vector<const content::Leaf*> leaves;
    std::vector<Cid> cids;
    for (const content::Leaf& leaf : file.layout().leaves) {
      if (leaf.kind == content::LeafKind::kEmbedded || !seen_.insert(leaf.cid.key()).second) continue;
      leaves.push_back(&leaf);
      cids.push_back(leaf.cid);
    }
    const std::vector<bool> here = co_await impl_.host.keep.has(std::move(cids));
    co_await for_each_limited(leaves.size(), kInFlight, [&](std::size_t i) { return leaf(file, *leaves[i], here[i]); });
  }

  Async<> leaf(const File& file, const content::Leaf& leaf, bool here) {
    if (!here && leaf.length == 0) (void)co_await impl_.get({leaf.cid}, nullptr, stop_);
    if (!here) (void)co_await file.read({leaf.offset, leaf.offset + leaf.length}, stop_);
    co_await check_room();
    moved(leaf.length);
  }

  void moved(std::uint64_t bytes) {
    done_ += bytes;
    if (progress_) progress_(done_, total_ == 0 ? 0 : std::max(total_, done_));
  }

  Fetcher& fetcher_;
  Fetcher::Impl& impl_;
  content::DagWalk walk_;
  Cid root_;
  Progress progress_;
  Stop stop_;
  std::vector<Cid> files_;
  std::unordered_set<std::string> seen_;  // leaves
  std::uint64_t done_ = 0, total_ = 0;
};

}  // namespace

Fetcher::Fetcher(host::Host& host, SourceOptions options, std::shared_ptr<Underway> underway)
    : impl_(std::make_unique<Impl>(host, options, underway ? std::move(underway) : std::make_shared<Underway>())) {}
Fetcher::~Fetcher() = default;

Async<VerifiedBytes> Fetcher::get(Cid cid, Stop stop) {
  const auto blocks = co_await impl_->get({std::move(cid)}, nullptr, std::move(stop));
  co_return blocks[0];
}

Async<Cid> Fetcher::resolve(std::string path, Stop stop) {
  content::ContentPath parsed = co_await content::parse_path(path);
  content::PathWalk walk(std::move(parsed), false);
  co_await doing("looking for " + path, impl_->drive(walk, std::move(stop)));
  co_return walk.target();
}

Async<std::optional<File>> Fetcher::open(Cid folder, std::string path, Stop stop) {
  content::ContentPath parsed = co_await content::parse_path(folder.text() + "/" + path);
  content::PathWalk walk(std::move(parsed), false);
  const Result<> found = co_await as_result(impl_->drive(walk, stop));
  if (!found && found.error().code == ErrorCode::kNotFound) co_return std::optional<File>();  // blocks: kNoSource
  if (!found) co_await while_doing(found.error(), "looking for {}", path);
  co_return co_await open_file(walk.target(), std::move(path), std::move(stop));
}

Async<File> Fetcher::open_file(Cid root, std::string name, Stop stop) {
  content::FileWalk walk(root, content::Leaves::kProbe);
  std::optional<VerifiedBytes> last;
  co_await doing("opening " + name, impl_->drive(walk, std::move(stop), &last));
  File file;
  file.fetcher_ = this;
  file.name_ = std::move(name);
  file.state_ = std::make_shared<File::State>(walk.take());
  if (file.layout().leaves.size() == 1 && last->cid() == file.layout().leaves[0].cid)
    file.state_->only = std::move(last);
  co_return file;
}

Async<> Fetcher::fetch_dag(Cid root, std::function<void(std::uint64_t, std::uint64_t)> progress, Stop stop) {
  DagFetch fetch(*this, *impl_, std::move(root), std::move(progress), std::move(stop));
  const Result<> done = co_await as_result(fetch.run());
  const Result<> flushed = co_await as_result(impl_->flush());  // also after an error: what came is kept
  co_await done;
  co_await flushed;
  co_await fetch.check_room();
}

Async<> Fetcher::flush() { return impl_->flush(); }
Async<> Fetcher::add(VerifiedBytes block) { return impl_->add(std::move(block)); }

Async<VerifiedBytes> Fetcher::verify(Cid cid, HostBytesRef bytes) {
  auto verified = co_await impl_->verify({std::move(cid)}, {std::move(bytes)});
  co_return std::move(verified[0]);
}

void Fetcher::add_local(std::shared_ptr<LocalBlocks> blocks) { impl_->locals.push_back(std::move(blocks)); }

const Figures& Fetcher::figures() const { return impl_->figures; }
const SourceOptions& Fetcher::options() const { return impl_->sources->options(); }

}  // namespace ipfs_accelerate::fetch
