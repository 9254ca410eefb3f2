// CAR files out of the store and into it.
#include <fcntl.h>

#include "content/car.h"
#include "content/walk.h"
#include "store/store_impl.h"

namespace ipfs_accelerate::store {

Result<> Store::export_car(const Cid& root, const std::function<Result<>(ByteView)>& write) {
  IA_TRY(write(content::car_header({&root, 1})));
  content::CarWalk walk({root}, {});
  for (std::vector<Cid> wanted = walk.needs(); !wanted.empty(); wanted = walk.needs()) {
    IA_ASSIGN(const Block block, impl_->get_block(wanted.front()));
    IA_TRY(walk.give(block.verified()));
    if (!walk.emits()) continue;
    IA_TRY(write(content::car_section_header(block.cid(), block.bytes().size())));
    IA_TRY(write(block.bytes()));
  }
  return {};
}

namespace {

class CarImport {
 public:
  CarImport(Store::Impl& store, const ProgressCallback& progress, const Stop& stop)
      : store_(store), progress_(progress), stop_(stop) {}

  Result<ImportReport> run(const fs::path& path) {
    IA_ASSIGN(file_, File::open(path, O_RDONLY));
    IA_ASSIGN(const std::uint64_t size, file_.size());
    total_ = size;
    IA_ASSIGN(car_, content::CarReader::open([this](std::uint64_t offset, std::span<std::uint8_t> into) {
                return file_.read_at(offset, into);
              }));
    if (car_->roots().empty()) return fail(ErrorCode::kInvalidArgument, "{} names no root to import", path.string());
    IA_TRY(index());
    for (const Cid& root : car_->roots()) IA_TRY(keep(root));
    report_.roots = car_->roots();
    report_.ignored = index_.size() - used_.size();
    return std::move(report_);
  }

 private:
  Result<> index() {
    while (true) {
      IA_ASSIGN(auto section, car_->next());
      if (!section) return {};
      if (section->length > content::kMaxBlockBytes) {
        return fail(ErrorCode::kLimitExceeded, "block {} has {} bytes, at most {}", section->cid.text(),
                    section->length, content::kMaxBlockBytes);
      }
      index_.try_emplace(section->cid.key(), section->offset, static_cast<std::uint32_t>(section->length));
    }
  }

  // From the archive, else from the store: an archive may hold only what changed.
  Result<Block> get(const Cid& cid) {
    const auto found = index_.find(cid.key());
    if (found == index_.end()) return store_.get_block(cid);
    return car_->read({cid, found->second.first, found->second.second});
  }

  Result<> keep(const Cid& root) {
    for (std::vector<Cid> open{root}; !open.empty();) {
      const Cid cid = std::move(open.back());
      open.pop_back();
      if (!seen_.insert(content::traversal_key(cid)).second) continue;
      if (stop_.requested()) return fail(ErrorCode::kCancelled, "importing was cancelled");
      auto block = get(cid);
      if (!block && block.error().code == ErrorCode::kNotFound) continue;  // archives may be partial
      if (!block) return std::unexpected(std::move(block).error());
      IA_TRY(keep_block(*block));
      if (cid.codec != Codec::kDagPb) continue;
      IA_ASSIGN(auto node, content::decode_dag_pb(block->bytes()));
      if (!node.links.empty()) IA_TRY(make_room(cid));
      for (auto it = node.links.rbegin(); it != node.links.rend(); ++it) open.push_back(std::move(it->cid));
    }
    return {};
  }

  Result<> keep_block(const Block& block) {
    const bool fresh = !store_.has_block(block.cid());
    IA_TRY(store_.put_block(block.verified()));
    if (index_.contains(block.cid().key())) used_.insert(block.cid().key());
    done_ += block.bytes().size();
    if (fresh) {
      ++report_.blocks;
      report_.bytes += block.bytes().size();
    }
    if (progress_) progress_({block.cid().text(), done_, total_});
    return {};
  }

  // The top of a file gets its place before its leaves come. Parts of a file that has one already do not.
  Result<> make_room(const Cid& cid) {
    if (inside_.contains(cid.key())) return {};
    const auto layout = content::layout_file(cid, [this](const Cid& child) { return get(child); });
    if (!layout) return {};  // a folder, or a partial file: its blocks stay blocks
    for (const Cid& node : layout->nodes) {
      inside_.insert(node.key());
      IA_ASSIGN(const Block block, get(node));
      IA_TRY(store_.put_block(block.verified()));
    }
    return store_.begin_file(*layout);
  }

  Store::Impl& store_;
  const ProgressCallback& progress_;
  const Stop& stop_;
  File file_;
  std::uint64_t total_ = 0, done_ = 0;
  std::optional<content::CarReader> car_;
  std::unordered_map<std::string, std::pair<std::uint64_t, std::uint32_t>> index_;  // key -> offset, length
  std::unordered_set<std::string> seen_, used_, inside_;
  ImportReport report_;
};

}  // namespace

Result<ImportReport> Store::import_car(const fs::path& car, const ProgressCallback& progress, const Stop& stop) {
  IA_TRY(impl_->need_writable());
  const std::shared_lock activity(impl_->activity);
  auto report = CarImport(*impl_, progress, stop).run(car);
  if (!report) return while_doing(std::move(report).error(), "importing {}", car.string());
  IA_TRY(impl_->flush());
  for (const Cid& root : report->roots) IA_TRY(impl_->pin(root, car.filename().string()));
  return report;
}

}  // namespace ipfs_accelerate::store
