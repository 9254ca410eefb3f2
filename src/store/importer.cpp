// The import: workers take chunk after chunk, file after file; whoever finishes a file's last chunk builds its DAG.
#include "store/importer.h"

#include <fcntl.h>

#include <chrono>
#include <deque>
#include <mutex>
#include <thread>

#include "content/directory.h"
#include "store/file_entry.h"

namespace ipfs_accelerate::store {
namespace {

using content::Link;
using content::VerifiedBlock;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kPieceBytes = 128u << 10;

// One file on its way. Chunks are handed out in order; leaves come back in any order.
struct Job {
  std::size_t index = 0;  // into Tree::files
  const SourceFile* source = nullptr;
  File file;
  FileState state;
  std::unique_ptr<FileWriter> writer;  // none: the file becomes a block
  std::uint64_t size = 0, chunks = 0, next = 0;
  std::atomic<std::uint64_t> done = 0;
  std::vector<Cid> leaves;
};

class Import {
 public:
  Import(const AddOptions& options, ImportTarget& target)
      : options_(options), profile_(content::profile(options.profile)), target_(target) {}

  Result<Added> run(const fs::path& path) {
    IA_ASSIGN(tree_, scan(path, options_));
    links_.resize(tree_.files.size());
    hash_files();
    if (error_) return std::unexpected(*error_);
    IA_ASSIGN(const Link root, build_tree());
    added_.root = root.cid;
    added_.bytes = bytes_done_;
    added_.stored_bytes = stored_;
    return added_;
  }

 private:
  void hash_files() {
    const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
    const std::size_t chunks = tree_.bytes / profile_.chunk_bytes + tree_.files.size();
    const auto wanted = options_.threads > 0 ? static_cast<unsigned>(options_.threads) : cores;
    std::vector<std::jthread> workers;
    for (unsigned i = 1; i < std::min<std::size_t>(wanted, chunks); ++i) workers.emplace_back([this] { work(); });
    work();
  }

  void work() {
    Bytes buffer(profile_.chunk_bytes);
    while (true) {
      auto job = claim();
      if (!job) {
        stop_with(std::move(job).error());
        return;
      }
      if (!job->first) return;
      if (auto done = do_chunk(*job->first, job->second, buffer); !done) {
        auto error = while_doing(std::move(done).error(), "adding {}", job->first->source->path.string());
        stop_with(std::move(error).error());
        return;
      }
    }
  }

  void stop_with(Error error) {
    const std::scoped_lock lock(mutex_);
    if (!error_) error_ = std::move(error);
  }

  // The next chunk of the current file, or the first of the next file. No job when all are handed out.
  Result<std::pair<std::shared_ptr<Job>, std::uint64_t>> claim() {
    const std::scoped_lock lock(mutex_);
    if (error_) return {};
    if (options_.stop.requested()) return fail(ErrorCode::kCancelled, "adding was cancelled");
    if (!current_ || current_->next == current_->chunks) {
      if (next_file_ == tree_.files.size()) return {};
      IA_ASSIGN(current_, open_next());
    }
    return std::pair{current_, current_->next++};
  }

  Result<std::shared_ptr<Job>> open_next() {
    auto job = std::make_shared<Job>();
    job->index = next_file_++;
    job->source = &tree_.files[job->index];
    const bool may_be_link = job->source->link || tree_.nodes.size() == 1;
    IA_ASSIGN(job->file, File::open(job->source->path, O_RDONLY | (may_be_link ? 0 : O_NOFOLLOW)));
    IA_ASSIGN(const struct stat status, job->file.status());
    job->state = state_of(status);
    job->size = job->state.size;
    job->chunks = std::max<std::uint64_t>(1, (job->size + profile_.chunk_bytes - 1) / profile_.chunk_bytes);
    if (job->chunks > content::kMaxFileLeaves) {
      return fail(ErrorCode::kLimitExceeded, "{} has {} chunks, at most {} are allowed", job->source->path.string(),
                  job->chunks, content::kMaxFileLeaves);
    }
    job->leaves.resize(job->chunks);
    IA_ASSIGN(job->writer, target_.begin_file(*job->source, job->file, job->chunks == 1));
    return job;
  }

  Result<> do_chunk(Job& job, std::uint64_t chunk, Bytes& buffer) {
    const std::uint64_t offset = chunk * profile_.chunk_bytes;
    const std::uint64_t length = std::min<std::uint64_t>(profile_.chunk_bytes, job.size - offset);
    if (!job.writer) {
      const std::span<std::uint8_t> bytes(buffer.data(), length);
      IA_TRY(read_piece(job, offset, bytes));
      IA_TRY(keep_as_block(job, bytes));
    } else {
      IA_ASSIGN(job.leaves[chunk], hash_chunk(job, offset, length, buffer));
      if (job.done.fetch_add(1) + 1 == job.chunks) IA_TRY(finish_file(job));
    }
    report(job, length);
    return {};
  }

  // In pieces that stay in the processor's cache from reading to hashing.
  Result<Cid> hash_chunk(Job& job, std::uint64_t offset, std::uint64_t length, Bytes& buffer) {
    std::uint64_t done = 0;
    return content::leaf_cid(profile_, length, [&]() -> Result<ByteView> {
      const std::span<std::uint8_t> piece(buffer.data(), std::min(kPieceBytes, length - done));
      IA_TRY(read_piece(job, offset + done, piece));
      if (!piece.empty()) IA_TRY(job.writer->write(offset + done, piece));
      done += piece.size();
      return piece;
    });
  }

  static Result<> read_piece(const Job& job, std::uint64_t offset, std::span<std::uint8_t> piece) {
    IA_ASSIGN(const std::size_t have, job.file.read_at(offset, piece));
    return have == piece.size() ? Result<>{} : changed();
  }

  static std::unexpected<Error> changed() {
    return fail(ErrorCode::kIo, "the file changed while it was read; try again when nothing writes to it");
  }

  Result<> check_unchanged(const Job& job) {
    IA_ASSIGN(const struct stat now, job.file.status());
    return state_of(now) == job.state ? Result<>{} : changed();
  }

  Result<> keep_as_block(const Job& job, ByteView bytes) {
    IA_TRY(check_unchanged(job));
    if (profile_.raw_leaves) return keep_leaf(job, 1, content::Codec::kRaw, bytes);
    const auto envelope = content::leaf_envelope(bytes.size());
    Bytes block = envelope.before;
    block.insert(block.end(), bytes.begin(), bytes.end());
    block.insert(block.end(), envelope.after.begin(), envelope.after.end());
    return keep_leaf(job, profile_.cid_version, content::Codec::kDagPb, block);
  }

  Result<> keep_leaf(const Job& job, int version, content::Codec codec, ByteView bytes) {
    IA_ASSIGN(const VerifiedBlock block, content::address(version, codec, bytes));
    IA_ASSIGN(const std::uint64_t stored, target_.block(block));
    set_link(job, {.cid = block.cid(), .tsize = bytes.size()}, stored);
    return {};
  }

  Result<> finish_file(Job& job) {
    IA_TRY(check_unchanged(job));
    std::uint64_t stored = 0;
    content::FileBuilder builder(profile_, [&](const VerifiedBlock& block) -> Result<> {
      IA_ASSIGN(const std::uint64_t bytes, target_.block(block));
      stored += bytes;
      return {};
    });
    content::FileLayout layout;
    layout.size = job.size;
    for (std::uint64_t i = 0; i < job.chunks; ++i) {
      const std::uint64_t offset = i * profile_.chunk_bytes;
      const std::uint64_t length = std::min<std::uint64_t>(profile_.chunk_bytes, job.size - offset);
      IA_TRY(builder.add_leaf(job.leaves[i], length));
      const auto kind = profile_.raw_leaves ? content::LeafKind::kRaw : content::LeafKind::kWrapped;
      layout.leaves.push_back({std::move(job.leaves[i]), offset, length, kind});
    }
    IA_ASSIGN(Link link, builder.finish());
    layout.root = link.cid;
    IA_ASSIGN(const std::uint64_t file_bytes, job.writer->finish(layout));
    job.writer.reset();
    set_link(job, std::move(link), stored + file_bytes);
    return {};
  }

  void set_link(const Job& job, Link link, std::uint64_t stored) {
    const std::scoped_lock lock(mutex_);
    links_[job.index] = std::move(link);
    stored_ += stored;
    ++added_.files;
  }

  void report(const Job& job, std::uint64_t bytes) {
    const std::scoped_lock lock(mutex_);
    bytes_done_ += bytes;
    const auto now = Clock::now();
    const bool last = bytes_done_ >= tree_.bytes;
    if (!options_.progress || (!last && now - reported_ < std::chrono::milliseconds(50))) return;
    reported_ = now;
    options_.progress({job.source->shown, bytes_done_, tree_.bytes});
  }

  // Children stand after their folder, so going backwards meets them first.
  Result<Link> build_tree() {
    const content::BlockSink sink = [this](const VerifiedBlock& block) -> Result<> {
      IA_ASSIGN(const std::uint64_t stored, target_.block(block));
      stored_ += stored;
      return {};
    };
    std::vector<Link> links(tree_.nodes.size());
    for (std::size_t i = tree_.nodes.size(); i-- > 0;) {
      const TreeNode& node = tree_.nodes[i];
      if (node.type == EntryType::kFile) {
        links[i] = std::move(links_[node.file]);
      } else if (node.type == EntryType::kSymlink) {
        IA_ASSIGN(links[i], content::build_symlink(profile_, node.target, sink));
        ++added_.files;
      } else {
        std::vector<Link> entries;
        for (const std::size_t child : node.children) entries.push_back(std::move(links[child]));
        IA_ASSIGN(links[i], content::build_directory(profile_, std::move(entries), sink));
      }
      links[i].name = node.name;
    }
    return std::move(links[0]);
  }

  const AddOptions& options_;
  const content::Profile& profile_;
  ImportTarget& target_;
  Tree tree_;
  std::mutex mutex_;  // guards what follows
  std::optional<Error> error_;
  std::shared_ptr<Job> current_;
  std::size_t next_file_ = 0;
  std::vector<Link> links_;  // one per file
  std::uint64_t bytes_done_ = 0, stored_ = 0;
  Added added_;
  Clock::time_point reported_{};
};

class Nowhere final : public ImportTarget {
 public:
  Result<std::uint64_t> block(const VerifiedBlock&) override { return 0; }
  Result<std::unique_ptr<FileWriter>> begin_file(const SourceFile&, const File&, bool one_chunk) override {
    if (one_chunk) return nullptr;
    struct Writer final : FileWriter {
      Result<> write(std::uint64_t, ByteView) override { return {}; }
      Result<std::uint64_t> finish(const content::FileLayout&) override { return 0; }
    };
    return std::make_unique<Writer>();
  }
};

}  // namespace

Result<Added> import_tree(const fs::path& path, const AddOptions& options, ImportTarget& target) {
  return Import(options, target).run(path);
}

Result<Added> Store::only_hash(const fs::path& path, const AddOptions& options) {
  Nowhere nowhere;
  return import_tree(path, options, nowhere);
}

}  // namespace ipfs_accelerate::store
