// The fetcher: store first, then sources in order; inner nodes before leaves; leaves in parallel.
#include <algorithm>
#include <mutex>
#include <thread>
#include <unordered_set>

#include "content/directory.h"
#include "fetch/fetch.h"

namespace ipfs_accelerate::fetch {
namespace {

constexpr std::uint64_t kFlushBytes = 64u << 20;
constexpr std::size_t kMaxBlocks = content::kMaxFileLeaves;

struct Known {
  std::shared_ptr<Source> source;
  SourceStats stats;
};

// A block on the way: what it is called is for progress only.
struct Wanted {
  Cid cid;
  std::string path;
};

}  // namespace

struct Fetcher::Impl {
  std::shared_ptr<store::Store> store;
  mutable std::mutex mutex;  // guards sources' stats and what a fetch counts
  std::vector<Known> sources;

  Result<Block> get(const Cid& cid, std::stop_token cancel, std::uint64_t* fetched = nullptr);
  Result<Block> ask(std::size_t index, const Cid& cid, std::stop_token cancel);
  Result<Bytes> ask_twice(Source& source, const Cid& cid, std::stop_token cancel);
};

namespace {

// One fetch of a file or a DAG.
class Fetch {
 public:
  Fetch(Fetcher::Impl& fetcher, const FetchOptions& options) : fetcher_(fetcher), options_(options) {}

  Result<Fetched> run(const Cid& root, bool one_file) {
    if (options_.pin) IA_TRY(fetcher_.store->pin(root));
    auto done = one_file ? file({root, ""}, true) : dag(root);
    IA_TRY(fetcher_.store->flush());  // also after an error: what came is kept
    if (!done) return std::unexpected(std::move(done).error());
    return result_;
  }

 private:
  Result<Block> get(const Wanted& wanted) {
    std::uint64_t fetched = 0;
    IA_ASSIGN(Block block, fetcher_.get(wanted.cid, options_.cancel, &fetched));
    bool flush = false;
    {
      const std::scoped_lock guard(mutex_);
      result_.blocks += fetched > 0;
      result_.bytes += fetched;
      result_.cached_bytes += fetched > 0 ? 0 : block.bytes().size();
      unflushed_ += fetched;
      if (unflushed_ >= kFlushBytes) {
        flush = true;
        unflushed_ = 0;
      }
      const std::uint64_t done = result_.bytes + result_.cached_bytes;
      if (options_.progress) options_.progress({wanted.path, done, std::max(total_, done), 0, 0});
    }
    if (flush) IA_TRY(fetcher_.store->flush());
    return block;
  }

  // Gets all, up to kInFlight at a time, and hands each to `use` (one at a time). Stops at the first error.
  Result<> get_all(const std::vector<Wanted>& wanted, const std::function<Result<>(const Wanted&, const Block&)>& use) {
    std::atomic<std::size_t> next = 0;
    std::mutex mutex;
    std::optional<Error> first;
    const auto work = [&] {
      for (std::size_t i; (i = next++) < wanted.size();) {
        auto block = get(wanted[i]);
        const std::scoped_lock guard(mutex);
        auto used = block ? use(wanted[i], *block) : Result<>(std::unexpected(std::move(block).error()));
        if (used) continue;
        next = wanted.size();
        if (!first) first = std::move(used).error();
      }
    };
    {
      std::vector<std::jthread> workers;
      for (std::size_t i = 1; i < std::min<std::size_t>(kInFlight, wanted.size()); ++i) workers.emplace_back(work);
      work();
    }
    if (first) return std::unexpected(*std::move(first));
    return {};
  }

  Result<> dag(const Cid& root) {
    std::vector<Wanted> files;
    for (std::vector<Wanted> level{{root, ""}}; !level.empty();) {
      std::vector<Wanted> below;
      IA_TRY(get_all(level,
                     [&](const Wanted& wanted, const Block& block) { return expand(wanted, block, below, files); }));
      if (seen_.size() > kMaxBlocks) {
        return fail(ErrorCode::kLimitExceeded, "{} reaches more than {} blocks", root.text(), kMaxBlocks);
      }
      level = std::move(below);
    }
    for (const Wanted& wanted : files) IA_TRY(file(wanted, false));
    return {};
  }

  // Folders go on, files with leaves of their own wait until all folders are known.
  Result<> expand(const Wanted& wanted, const Block& block, std::vector<Wanted>& below, std::vector<Wanted>& files) {
    if (wanted.cid.codec == content::Codec::kRaw) return {};
    IA_ASSIGN(const auto node, content::decode_unixfs(block.verified()));
    const bool is_file = node.type == content::UnixFsType::kFile || node.type == content::UnixFsType::kRaw;
    if (seen_.size() <= 1 && !is_file) {  // the top: what it says of itself is good enough for a progress bar
      for (const auto& link : node.links) __builtin_add_overflow(total_, link.tsize, &total_);
    }
    if (is_file) {
      if (!node.links.empty()) files.push_back(wanted);
      return {};
    }
    const std::size_t prefix = node.fanout == 0 ? 0 : std::format("{:X}", node.fanout - 1).size();
    for (const auto& link : node.links) {
      if (!seen_.insert(link.cid.key()).second) continue;
      std::string name = link.name.substr(std::min(prefix, link.name.size()));
      if (!wanted.path.empty()) name = name.empty() ? wanted.path : wanted.path + "/" + name;
      below.push_back({link.cid, std::move(name)});
    }
    return {};
  }

  Result<> file(const Wanted& wanted, bool only) {
    IA_ASSIGN(const Block top, get(wanted));
    IA_ASSIGN(const auto node, content::decode_unixfs(top.verified()));
    if (only) total_ = node.file_size;
    std::unordered_set<std::string> leaves;
    IA_TRY(inner_nodes(wanted, node, leaves));
    IA_ASSIGN(const auto layout, content::layout_file(
                                     wanted.cid, [this](const Cid& cid) { return fetcher_.store->get_block(cid); },
                                     [&](const Cid& cid) { return leaves.contains(cid.key()); }));
    if (layout.leaves.size() <= 1) return {};
    IA_TRY(fetcher_.store->begin_file(layout));
    std::vector<Wanted> missing;
    for (const content::Leaf& leaf : layout.leaves) {
      if (leaf.kind == content::LeafKind::kEmbedded) continue;
      if (!fetcher_.store->has_block(leaf.cid)) {
        missing.push_back({leaf.cid, wanted.path});
      } else {
        result_.cached_bytes += leaf.length;
      }
    }
    return get_all(missing, [](const Wanted&, const Block&) -> Result<> { return {}; });
  }

  // Level by level. Whether a level of dag-pb blocks is the leaves' is seen at its first block: leaves of a file lie at
  // one depth, and layout_file finds out where that is not so.
  Result<> inner_nodes(const Wanted& file, const content::UnixFsNode& top, std::unordered_set<std::string>& leaves) {
    std::vector<Wanted> level = children(top, file.path);
    for (int depth = 0; !level.empty(); ++depth) {
      if (depth > content::kMaxFileDepth) {
        return fail(ErrorCode::kLimitExceeded, "file {} is deeper than {} levels", file.cid.text(),
                    content::kMaxFileDepth);
      }
      IA_ASSIGN(const Block first, get(level.front()));
      IA_ASSIGN(const auto node, content::decode_unixfs(first.verified()));
      if (node.links.empty() && encode_unixfs(node).size() == first.bytes().size() &&
          node.type == content::UnixFsType::kFile) {
        for (const Wanted& leaf : level) leaves.insert(leaf.cid.key());
        return {};
      }
      std::vector<Wanted> below;
      IA_TRY(get_all(level, [&](const Wanted&, const Block& block) -> Result<> {
        IA_ASSIGN(const auto inner, content::decode_unixfs(block.verified()));
        for (Wanted& child : children(inner, file.path)) below.push_back(std::move(child));
        return below.size() <= kMaxBlocks
                   ? Result<>{}
                   : fail(ErrorCode::kLimitExceeded, "file {} has more than {} blocks", file.cid.text(), kMaxBlocks);
      }));
      level = std::move(below);
    }
    return {};
  }

  static std::vector<Wanted> children(const content::UnixFsNode& node, const std::string& path) {
    std::vector<Wanted> list;
    for (const auto& link : node.links) {
      if (link.cid.codec != content::Codec::kRaw) list.push_back({link.cid, path});
    }
    return list;
  }

  Fetcher::Impl& fetcher_;
  const FetchOptions& options_;
  std::mutex mutex_;
  Fetched result_;
  std::uint64_t unflushed_ = 0, total_ = 0;
  std::unordered_set<std::string> seen_;
};

bool worth_a_retry(ErrorCode code) { return code == ErrorCode::kSourceError || code == ErrorCode::kUnreachable; }

}  // namespace

Fetcher::Fetcher(std::shared_ptr<store::Store> store, std::vector<std::shared_ptr<Source>> sources)
    : impl_(std::make_unique<Impl>()) {
  impl_->store = std::move(store);
  for (auto& source : sources) {
    SourceStats stats;
    stats.name = source->name();
    stats.kind = source->kind();
    impl_->sources.push_back({std::move(source), std::move(stats)});
  }
}
Fetcher::~Fetcher() = default;

Result<Bytes> Fetcher::Impl::ask_twice(Source& source, const Cid& cid, std::stop_token cancel) {
  auto bytes = source.get(cid, cancel);
  if (bytes || !worth_a_retry(bytes.error().code) || cancel.stop_requested()) return bytes;
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  return source.get(cid, std::move(cancel));
}

Result<Block> Fetcher::Impl::ask(std::size_t index, const Cid& cid, std::stop_token cancel) {
  Known& known = sources[index];
  auto bytes = ask_twice(*known.source, cid, std::move(cancel));
  const std::size_t size = bytes ? bytes->size() : 0;
  auto block = bytes ? Block::make(cid, *std::move(bytes)) : Result<Block>(std::unexpected(std::move(bytes).error()));
  const std::scoped_lock guard(mutex);
  SourceStats& stats = known.stats;
  if (block) {
    ++stats.blocks;
    stats.bytes += size;
    return block;
  }
  Error error = std::move(block).error();
  if (error.code == ErrorCode::kNotFound) ++stats.missing;
  const bool lied = error.code == ErrorCode::kIntegrity || error.code == ErrorCode::kLimitExceeded;
  if (lied) {
    stats.banned = true;
    error = {ErrorCode::kSourceLied,
             std::format("{} sent wrong bytes and is not asked again: {}", stats.name, error.message)};
  }
  if (error.code != ErrorCode::kNotFound) {
    ++stats.errors;
    stats.wasted_bytes += size;
    stats.last_error = error.message;
  }
  return std::unexpected(std::move(error));
}

Result<Block> Fetcher::Impl::get(const Cid& cid, std::stop_token cancel, std::uint64_t* fetched) {
  auto here = store->get_block(cid);
  const auto code = here ? ErrorCode::kNotFound : here.error().code;
  if (here) return here;
  if (code != ErrorCode::kNotFound && code != ErrorCode::kIntegrity) return here;
  if (code == ErrorCode::kIntegrity) IA_TRY(store->forget_damaged(cid));
  std::optional<Error> worst;
  std::string asked;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    {
      const std::scoped_lock guard(mutex);
      if (sources[i].stats.banned) {
        if (!worst) worst = Error{ErrorCode::kSourceLied, sources[i].stats.last_error};
        continue;
      }
    }
    asked += (asked.empty() ? "" : ", ") + sources[i].stats.name;
    auto block = ask(i, cid, cancel);
    if (block) {
      IA_TRY(store->put_block(block->verified()));
      if (fetched) *fetched = std::max<std::uint64_t>(1, block->bytes().size());
      return block;
    }
    if (block.error().code == ErrorCode::kCancelled) return block;
    if (block.error().code != ErrorCode::kNotFound) worst = std::move(block).error();
  }
  if (worst) return std::unexpected(*std::move(worst));
  if (asked.empty()) {
    return fail(ErrorCode::kNoSource, "block {} is not in the store and there is no source to ask; name a gateway",
                cid.text());
  }
  return fail(ErrorCode::kNoSource, "block {} is neither in the store nor at {}", cid.text(), asked);
}

Result<Block> Fetcher::get(const Cid& cid, std::stop_token cancel) { return impl_->get(cid, std::move(cancel)); }

Result<Fetched> Fetcher::fetch_file(const Cid& cid, const FetchOptions& options) {
  IA_ASSIGN(Fetched fetched, Fetch(*impl_, options).run(cid, true));
  fetched.sources = stats();
  return fetched;
}

Result<Fetched> Fetcher::fetch_dag(const Cid& cid, const FetchOptions& options) {
  IA_ASSIGN(Fetched fetched, Fetch(*impl_, options).run(cid, false));
  fetched.sources = stats();
  return fetched;
}

std::vector<SourceStats> Fetcher::stats() const {
  const std::scoped_lock guard(impl_->mutex);
  std::vector<SourceStats> all;
  for (const Known& known : impl_->sources) all.push_back(known.stats);
  return all;
}

}  // namespace ipfs_accelerate::fetch
